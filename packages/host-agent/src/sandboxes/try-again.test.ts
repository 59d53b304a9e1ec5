import assert from "node:assert/strict";
import { test } from "node:test";
import { tryAgain } from "./try-again.ts";

test("work that fails is begun again until it is done, and each failure is told", async () => {
  const failures: unknown[] = [];
  let begun = 0;
  const work = async () => {
    if (++begun < 3) throw new Error(`attempt ${begun}`);
  };
  await tryAgain(work, new AbortController().signal, (error) => failures.push(error));
  assert.deepEqual(failures, [new Error("attempt 1"), new Error("attempt 2")]);
  assert.equal(begun, 3);
});

test("once nobody waits any more it is not begun again", async () => {
  const stop = new AbortController();
  let begun = 0;
  const work = async () => {
    begun++;
    stop.abort();
    throw new Error("no");
  };
  await tryAgain(work, stop.signal, () => {});
  assert.equal(begun, 1);
});
