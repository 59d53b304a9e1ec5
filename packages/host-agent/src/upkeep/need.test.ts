import assert from "node:assert/strict";
import { test } from "node:test";
import { isTooLong, LIMITS, lowestToMerge } from "./need.ts";

const MB = 1024 * 1024;
const layers = (count: number): Set<string> => new Set(Array.from({ length: count }, (_, index) => String(index)));
const map = (facts: Partial<Parameters<typeof isTooLong>[0]>) => ({
  layers: layers(2),
  entries: 100,
  leastEntries: 50,
  heldBytes: 100 * MB,
  ...facts,
});

test("a map of many pieces is too long, unless they would stay in one layer, too", () => {
  assert.equal(isTooLong(map({ entries: 4000 }), 0, LIMITS), false);
  assert.equal(isTooLong(map({ entries: 4001 }), 0, LIMITS), true);
  assert.equal(isTooLong(map({ entries: 9000, leastEntries: 4500 }), 0, LIMITS), false);
  assert.equal(isTooLong(map({ entries: 9000, layers: layers(1) }), 0, LIMITS), false);
});

test("many layers are too long, and so are some that mostly hold what is overwritten and nobody shares", () => {
  assert.equal(isTooLong(map({ layers: layers(32) }), 0, LIMITS), false);
  assert.equal(isTooLong(map({ layers: layers(33) }), 0, LIMITS), true);
  assert.equal(isTooLong(map({}), 200 * MB, LIMITS), false);
  assert.equal(isTooLong(map({}), 201 * MB, LIMITS), true);
});

test("of a long chain of disk layers the upper ones are merged, a much larger one below is left alone", () => {
  assert.equal(lowestToMerge([], LIMITS), undefined);
  assert.equal(lowestToMerge([1, 1, 1, 1], LIMITS), undefined);
  assert.equal(lowestToMerge([1, 1, 1, 1, 1], LIMITS), 0);
  assert.equal(lowestToMerge([1000, 1, 1, 1, 1], LIMITS), 1);
  assert.equal(lowestToMerge([1000, 1, 1, 400, 1], LIMITS), 1);
  assert.equal(lowestToMerge([1000, 200, 40, 8, 1], LIMITS), 3, "the topmost two at least");
});

test("however long small changes go on, chains stay short and a byte is rewritten some twenty times in a thousand pauses", () => {
  const chain: number[] = [100_000];
  let written = 0;
  for (let pause = 0; pause < 1000; pause++) {
    chain.push(10);
    const from = lowestToMerge(chain, LIMITS);
    if (from !== undefined) {
      const merged = chain.splice(from).reduce((one, other) => one + other);
      written += merged;
      chain.push(merged);
    }
    assert.ok(chain.length <= 4);
  }
  assert.ok(written < 1000 * 10 * 25, `${written}`);
});
