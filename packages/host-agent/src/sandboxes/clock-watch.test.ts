import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ClockWatch } from "./clock-watch.ts";

function bench(t: TestContext) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const clocks = { time: 1_700_000_000_000, awake: 5_000 };
  let jumps = 0;
  const watch = new ClockWatch({ now: () => new Date(clocks.time), awake: () => clocks.awake }, () => jumps++);
  return {
    /** The machine is awake for this long, while its clock goes on by so much. */
    pass(awake: number, time: number): number {
      clocks.awake += awake;
      clocks.time += time;
      t.mock.timers.tick(awake);
      return jumps;
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

test("S2: a machine that slept, and one whose clock was set, are told of, once", (t) => {
  using b = bench(t);
  assert.equal(b.pass(3_600_000, 3_600_000), 0, "time that passes is no jump");
  assert.equal(b.pass(1_000, 40_000), 1, "it slept");
  assert.equal(b.pass(60_000, 60_000), 1);
  assert.equal(b.pass(1_000, -7_200_000), 2, "it was set back");
  assert.equal(b.pass(60_000, 60_000), 2);
});

test("a clock that is slewed is told of whenever it has gained as much as guests may be wrong by", (t) => {
  using b = bench(t);
  for (let second = 0; second < 250; second++) b.pass(1_000, 1_001);
  assert.equal(b.pass(1_000, 1_001), 0);
  for (let second = 0; second < 100; second++) b.pass(1_000, 1_001);
  assert.equal(b.pass(1_000, 1_001), 1);
});

test("nothing is told once it is let go", (t) => {
  const b = bench(t);
  b[Symbol.dispose]();
  assert.equal(b.pass(1_000, 100_000), 0);
});
