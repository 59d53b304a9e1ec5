/** The result as a picture: for each row a pair of bars, in units of the floor's median, and the promise as a line across them. */
import type { BenchResult, RowResult } from "./result.ts";
import { value } from "./table.ts";

const [WIDTH, ROW_HEIGHT, TOP, LEFT, RIGHT] = [960, 58, 74, 330, 150];
const BAR = 16;
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1c2733 }
  .small { font-size: 11px; fill: #5b6876 }
  .title { font-size: 17px; font-weight: 600 }
  .roost { fill: #2f6fde } .over { fill: #d6453d } .floor { fill: #c3ccd6 }
  .spread { stroke: #1c2733; stroke-width: 1 } .promise { stroke: #1c2733; stroke-dasharray: 3 3 }
`;

export function plot({ at, machine, rounds, rows }: BenchResult): string {
  const height = TOP + rows.length * ROW_HEIGHT + 24;
  const most = Math.max(1.5, ...rows.map(({ ratio, target }) => 1.1 * Math.max(ratio, target ?? 0)));
  const scale = (WIDTH - LEFT - RIGHT) / most;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<style>${STYLE}</style>
<rect width="100%" height="100%" fill="#fff"/>
<text class="title" x="20" y="30">Roost and the same by hand</text>
<text class="small" x="20" y="50">${escaped(`${machine.vmm}, ${machine.cpu}, ${machine.cores} cores; medians of ${rounds} rounds, ${at}`)}</text>
${rows.map((row, index) => rowGroup(row, TOP + index * ROW_HEIGHT, scale)).join("\n")}
</svg>
`;
}

function rowGroup(row: RowResult, y: number, scale: number): string {
  const { title, unit, roost, floor, ratio, target, kept } = row;
  const length = (number: number): string => ((number / floor.median) * scale).toFixed(1);
  const end = (number: number): string => (LEFT + (number / floor.median) * scale).toFixed(1);
  // An outlier may lie beyond the picture.
  const whisker = (number: number): string => Math.min(Number(end(number)), WIDTH - RIGHT).toFixed(1);
  const promise = target === null ? "" : line("promise", (LEFT + target * scale).toFixed(1), y - 3, y + 2 * BAR + 7);
  return `<g>
<text x="20" y="${y + 14}">${escaped(title)}</text>
<text class="small" x="20" y="${y + 32}">${escaped(`${value(roost.median, unit)}, ${floor.what} ${value(floor.median, unit)}`)}</text>
<rect class="${kept === false ? "over" : "roost"}" x="${LEFT}" y="${y}" width="${length(roost.median)}" height="${BAR}"/>
<rect class="floor" x="${LEFT}" y="${y + BAR + 4}" width="${length(floor.median)}" height="${BAR}"/>
<path class="spread" d="M${whisker(roost.min)} ${y + BAR / 2}H${whisker(roost.max)}"/>
<path class="spread" d="M${whisker(floor.min)} ${y + BAR * 1.5 + 4}H${whisker(floor.max)}"/>
${promise}
<text x="${WIDTH - RIGHT + 14}" y="${y + 22}">× ${ratio.toFixed(2)}${target === null ? "" : ` (≤ ${target})`}</text>
</g>`;
}

function line(name: string, x: string, from: number, to: number): string {
  return `<path class="${name}" d="M${x} ${from}V${to}"/>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
