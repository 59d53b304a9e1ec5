import assert from "node:assert/strict";
import { test } from "node:test";
import { BackOff } from "./back-off.ts";

test("what failed is left alone for half a minute, then twice as long each time, up to an hour; a success ends that", () => {
  let nowMs = 0;
  const backOff = new BackOff(() => new Date(nowMs));
  assert.equal(backOff.holds("a"), false);
  const pauses: number[] = [];
  for (let failure = 0; failure < 9; failure++) {
    const pauseMs = backOff.failed("a");
    pauses.push(pauseMs / 1000);
    nowMs += pauseMs - 1;
    assert.equal(backOff.holds("a"), true);
    assert.equal(backOff.holds("b"), false);
    nowMs += 1;
    assert.equal(backOff.holds("a"), false);
  }
  assert.deepEqual(pauses, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
  backOff.succeeded("a");
  assert.equal(backOff.failed("a"), 30_000);
});
