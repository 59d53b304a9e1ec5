import assert from "node:assert/strict";
import { test } from "node:test";
import type { Samples } from "../measure.ts";
import { plot } from "./plot.ts";
import { type BenchResult, rowResult, slowest } from "./result.ts";
import { table, value } from "./table.ts";

const phases = [10, 30, 20].map((save) => ({ operation: "pause", milliseconds: { save, total: save + 5 } }));
const samples = (roost: number[], floor: number[]): Samples => ({ roost, floor, phases: [] });

const RESULT: BenchResult = {
  at: "2026-01-02T03:04:05.678Z",
  commit: "abc",
  machine: { cpu: "Ein <Prozessor> & mehr", cores: 2, kernel: "6.18", vmm: "qemu 7.2 tcg" },
  rounds: 3,
  rows: [
    rowResult("resume", samples([110, 100, 300], [100, 90, 110])),
    rowResult("pause", { ...samples([150, 140, 160], [100, 90, 110]), phases }),
    rowResult("clone-memory", samples([60, 60, 60], [40, 40, 40]), "80 MiB beside it"),
    rowResult("exec", samples([3, 4, 5], [1, 2, 3])),
  ],
};

test("a ratio is of medians, and a promise is kept up to its border", () => {
  const [resume, pause, , exec] = RESULT.rows;
  assert.deepEqual(resume?.roost, { median: 110, min: 100, max: 300, count: 3 });
  assert.equal(resume?.ratio, 1.1);
  assert.deepEqual([resume?.kept, pause?.kept, exec?.kept], [true, false, null]);
  assert.equal(rowResult("resume", samples([130], [100])).kept, true);
  assert.deepEqual(pause?.phases, { pause: { save: 20, total: 25 } });
});

test("the table says each row's numbers, its promise, and where the time of the slowest goes", () => {
  const lines = table(RESULT).split("\n");
  const line = (title: string): string => lines.find((text) => text.startsWith(title)) ?? "";
  assert.match(line("resume →"), /110 ms +\(100–300\) +100 ms +by hand \(90.0–110\) +1\.10 +≤ 1\.3 ✓$/);
  assert.match(line("pause "), /1\.50 +≤ 1\.3 ✗$/);
  assert.match(line("exec round trip"), /2\.00$/);
  assert.match(table(RESULT), /guest memory of 8 idle clones: 80 MiB beside it/);
  assert.equal(slowest(RESULT.rows)?.id, "pause");
  assert.match(table(RESULT), /Phases of "pause".*\n {2}pause: save 20\.0 · total 25\.0/);
});

test("the plot is one well-formed picture with a pair of bars for each row, whatever the machine is called", () => {
  const svg = plot(RESULT);
  assert.match(svg, /^<svg [^>]+>/);
  assert.equal(svg.match(/<g>/g)?.length, 4);
  assert.equal(svg.match(/<rect class="floor"/g)?.length, 4);
  assert.equal(svg.match(/<rect class="over"/g)?.length, 1, "what is not kept is seen");
  assert.equal(svg.match(/class="promise"/g)?.length, 3);
  assert(svg.includes("Ein &#60;Prozessor&#62; &#38; mehr") && !/NaN|undefined|Infinity/.test(svg));
  for (const name of ["svg", "style", "g", "text"]) {
    const count = (pattern: string): number => svg.match(new RegExp(pattern, "g"))?.length ?? 0;
    assert.equal(count(`<${name}[ >]`), count(`</${name}>`), name);
  }
});

test("what is kept as JSON has every sample", () => {
  const read = JSON.parse(JSON.stringify(RESULT)) as BenchResult;
  assert.deepEqual(read, RESULT);
  assert.deepEqual(read.rows[0]?.samples.roost, [110, 100, 300]);
});

test("numbers are told with three digits", () => {
  assert.deepEqual([value(0.123), value(12.34, "ms"), value(1234.5, "µs")], ["0.12", "12.3 ms", "1235 µs"]);
});
