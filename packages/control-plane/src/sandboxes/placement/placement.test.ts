import assert from "node:assert/strict";
import { test } from "node:test";
import { type Candidate, fit } from "./placement.ts";
import { RoundRobin } from "./round-robin.ts";

function host(id: string, freeMemoryMb = 1000, freeDiskMb: number | null = 10_000): Candidate {
  return { id, address: `${id}:1`, memoryMb: 2000, freeMemoryMb, freeDiskMb };
}

test("H5: only hosts with memory and disk left fit, and what was missing is said", () => {
  const needs = { memoryMb: 800 };
  assert.deepEqual(fit([host("a"), host("b", 700), host("c", 900, 100), host("d", 900, null)], needs), {
    fitting: [host("a"), host("d", 900, null)],
    missing: undefined,
  });
  assert.match(fit([], needs).missing ?? "", /No host is online/);
  assert.match(fit([host("a", 10), host("b", 700)], needs).missing ?? "", /most that one has is 700 MiB/);
  assert.match(fit([host("a", -500)], needs).missing ?? "", /most that one has is 0 MiB/);
  assert.match(fit([host("c", 900, 100)], needs).missing ?? "", /disk free/);
});

test("H5: round robin begins with the next host each time, and offers all others after it", () => {
  const placement = new RoundRobin();
  const hosts = [host("b"), host("a"), host("c")];
  const turns = [1, 2, 3, 4].map(() => placement.order(hosts).map(({ id }) => id));
  assert.deepEqual(turns, [
    ["a", "b", "c"],
    ["b", "c", "a"],
    ["c", "a", "b"],
    ["a", "b", "c"],
  ]);
});

test("H5: round robin copes with hosts that come and go, and with none", () => {
  const placement = new RoundRobin();
  placement.order([host("a"), host("b")]);
  assert.deepEqual(
    placement.order([host("a"), host("c")]).map(({ id }) => id),
    ["c", "a"],
  );
  assert.deepEqual(placement.order([]), []);
});
