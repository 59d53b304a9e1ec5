import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBuckets } from "./token-buckets.ts";

test("a burst at once, then one at a time, evenly; each key for itself", () => {
  let now = 1_000;
  const buckets = new TokenBuckets({ requests: 60, perMs: 60_000, burst: 3 }, () => now);
  assert.deepEqual([buckets.take("a"), buckets.take("a"), buckets.take("a")], [0, 0, 0]);
  assert.equal(buckets.take("a"), 1_000);
  assert.equal(buckets.take("b"), 0);
  now += 999;
  assert.equal(buckets.take("a"), 1);
  now += 1;
  assert.equal(buckets.take("a"), 0);
  assert.equal(buckets.take("a"), 1_000, "what was refused cost nothing");
  now += 60_000;
  assert.deepEqual([buckets.take("a"), buckets.take("a"), buckets.take("a"), buckets.take("a") > 0], [0, 0, 0, true]);
});

test("looking takes nothing", () => {
  const buckets = new TokenBuckets({ requests: 1, perMs: 1_000, burst: 1 }, () => 0);
  assert.deepEqual(
    [buckets.waitMs("a"), buckets.waitMs("a"), buckets.take("a"), buckets.waitMs("a")],
    [0, 0, 0, 1_000],
  );
});

test("ever new keys do not fill the memory: the oldest are forgotten", () => {
  const buckets = new TokenBuckets({ requests: 1, perMs: 1_000_000, burst: 1 }, () => 0);
  buckets.take("first");
  buckets.take("second");
  for (let other = 0; other < 99_999; other++) buckets.take(`other-${other}`);
  assert.equal(buckets.take("first"), 0);
  assert.ok(buckets.take("other-99998") > 0);
});
