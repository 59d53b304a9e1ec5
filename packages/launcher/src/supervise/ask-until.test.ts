import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { askUntil } from "./ask-until.ts";

const never = new AbortController().signal;

test("asks until the answer is yes", async () => {
  const answers = [false, false, true, true];
  let asked = 0;
  await askUntil(async () => answers[asked++] ?? false, never);
  assert.equal(asked, 3);
});

test("a question that takes time is followed by ten times as long without one", async () => {
  const asked: { readonly from: number; readonly to: number }[] = [];
  await askUntil(async () => {
    const from = performance.now();
    await pause(20);
    asked.push({ from, to: performance.now() });
    return asked.length === 2;
  }, never);
  const [first, second] = asked;
  assert(first && second);
  assert(second.from - first.to >= 9 * (first.to - first.from));
});

test("ends when nobody waits any more, and with an error of the question's own", async () => {
  const ended = new AbortController();
  const asking = askUntil(async () => false, ended.signal);
  ended.abort();
  await assert.rejects(asking, { name: "AbortError" });
  await assert.rejects(
    askUntil(() => Promise.reject(new Error("no such table")), never),
    /no such table/,
  );
});
