import assert from "node:assert/strict";
import { test } from "node:test";
import { backOff } from "./back-off.ts";

test("waits double up to half a minute", () => {
  const waits = backOff();
  const seen = Array.from({ length: 10 }, () => waits.next(100));
  assert.deepEqual(seen, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test("after a minute of running the next wait is the first again", () => {
  const waits = backOff();
  for (let deaths = 0; deaths < 5; deaths++) waits.next(59_999);
  assert.equal(waits.next(60_000), 250);
  assert.equal(waits.next(0), 500);
});
