/** Aligned columns. Cells are made printable here, so that no caller can forget it; colours are added after. */
import type { Colour, Paint } from "./paint.ts";
import { printable } from "./printable.ts";

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly align?: "left" | "right";
  readonly colour?: (row: Row) => Colour | undefined;
}

const GAP = "   ";

/** The lines of the table, its heading first; each ends with a line feed. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], paint: Paint): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = columns.map((column, index) =>
    Math.max(lengthOf(column.title), ...cells.map((line) => lengthOf(line[index] ?? ""))),
  );
  const pad = (text: string, index: number): string => {
    const space = " ".repeat((widths[index] ?? 0) - lengthOf(text));
    if (columns[index]?.align === "right") return space + text;
    return index === columns.length - 1 ? text : text + space;
  };
  const heading = columns.map((column, index) => paint("bold", pad(column.title, index))).join(GAP);
  const lines = cells.map((line, rowIndex) =>
    columns
      .map((column, index) => {
        const row = rows[rowIndex];
        const colour = row === undefined ? undefined : column.colour?.(row);
        const text = pad(line[index] ?? "", index);
        return colour === undefined ? text : paint(colour, text);
      })
      .join(GAP),
  );
  return [heading, ...lines].map((line) => `${line.trimEnd()}\n`).join("");
}

/** Names and values below one another, for one thing. */
export function formatFacts(facts: readonly (readonly [name: string, value: string])[], paint: Paint): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${paint("bold", name.padEnd(width))}${GAP}${printable(value)}\n`).join("");
}

function lengthOf(text: string): number {
  return [...text].length;
}
