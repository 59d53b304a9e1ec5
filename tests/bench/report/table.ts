/** The result for people at a terminal. */
import { type BenchResult, type RowResult, slowest } from "./result.ts";

const HEADINGS = ["", "Roost", "", "floor", "", "ratio", "promised"];

export function table(result: BenchResult): string {
  const { machine, rounds, rows } = result;
  const cells = [HEADINGS, ...rows.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const lines = cells.map((line) => line.map((cell, column) => pad(cell, column, widths[column] ?? 0)).join("  "));
  const notes = rows.flatMap(({ title, note }) => (note === null ? [] : [`${title}: ${note}`]));
  return [
    `${machine.vmm} · ${machine.cpu}, ${machine.cores} cores · Linux ${machine.kernel}`,
    `medians of ${rounds} rounds, Roost and floor by turns; in brackets the least and the most`,
    "",
    ...lines.map((line) => line.trimEnd()),
    ...(notes.length > 0 ? ["", ...notes] : []),
    ...phaseLines(rows),
    "",
  ].join("\n");
}

function cellsOf(row: RowResult): string[] {
  const verdict = row.kept === null ? "" : row.kept ? "✓" : "✗";
  return [
    row.title,
    value(row.roost.median, row.unit),
    `(${value(row.roost.min)}–${value(row.roost.max)})`,
    value(row.floor.median, row.unit),
    `${row.floor.what} (${value(row.floor.min)}–${value(row.floor.max)})`,
    row.ratio.toFixed(2),
    row.target === null ? "" : `≤ ${row.target} ${verdict}`,
  ];
}

/** Where the time of the row goes that is furthest from its promise. */
function phaseLines(rows: readonly RowResult[]): string[] {
  const row = slowest(rows);
  if (row === undefined) return [];
  return [
    "",
    `Phases of "${row.title}" in ms (medians), those of the agent and by hand:`,
    ...Object.entries(row.phases).map(phaseLine),
  ];
}

function phaseLine([operation, phases]: [string, Readonly<Record<string, number>>]): string {
  const parts = Object.entries(phases).map(([name, milliseconds]) => `${name} ${value(milliseconds)}`);
  return `  ${operation}: ${parts.join(" · ")}`;
}

/** Texts to the left, numbers to the right. */
function pad(cell: string, column: number, width: number): string {
  return [1, 3, 5].includes(column) ? cell.padStart(width) : cell.padEnd(width);
}

/** Three digits say all that such a number is good for. */
export function value(number: number, unit?: string): string {
  const digits = number >= 100 ? 0 : number >= 10 ? 1 : 2;
  return unit === undefined ? number.toFixed(digits) : `${number.toFixed(digits)} ${unit}`;
}
