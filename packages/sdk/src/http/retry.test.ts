import assert from "node:assert/strict";
import { test } from "node:test";
import { RoostApiError, RoostConnectionError } from "../errors.ts";
import { instantTiming } from "../testing/testing.ts";
import { DEFAULT_RETRY_LIMITS, withRetries } from "./retry.ts";

const noConnection = new RoostConnectionError("no answer");
const inFlight = new RoostApiError("still being made", { code: "conflict", status: 409 });

function busy(status: number, retryAfterSec?: number): RoostApiError {
  return new RoostApiError("busy", { code: "no_capacity", status, retryAfterSec });
}

/** Fails with these, one after the other, then succeeds. */
function failing(...failures: readonly Error[]): { attempt: () => Promise<string>; count: () => number } {
  let count = 0;
  const attempt = async (): Promise<string> => {
    const failure = failures[count];
    count += 1;
    if (failure !== undefined) throw failure;
    return "done";
  };
  return { attempt, count: () => count };
}

test("a lost connection is tried again after waits that double", async () => {
  const timing = instantTiming();
  const { attempt } = failing(noConnection, noConnection, noConnection);
  assert.equal(await withRetries(attempt, DEFAULT_RETRY_LIMITS, timing, undefined), "done");
  assert.deepEqual(timing.waits, [200, 400, 800]);
});

test("after its retries the last failure is reported", async () => {
  const { attempt, count } = failing(...Array(9).fill(noConnection));
  await assert.rejects(withRetries(attempt, DEFAULT_RETRY_LIMITS, instantTiming(), undefined), noConnection);
  assert.equal(count(), 4);
});

test("429, 502 and 503 are tried again only when the server says when", async () => {
  for (const status of [429, 502, 503]) {
    const timing = instantTiming();
    const { attempt } = failing(busy(status, 7));
    assert.equal(await withRetries(attempt, DEFAULT_RETRY_LIMITS, timing, undefined), "done");
    assert.deepEqual(timing.waits, [7000]);

    const silent = failing(busy(status));
    await assert.rejects(withRetries(silent.attempt, DEFAULT_RETRY_LIMITS, instantTiming(), undefined), RoostApiError);
    assert.equal(silent.count(), 1);
  }
});

test("other refusals, and a server that asks for too much patience, are reported at once", async () => {
  for (const failure of [busy(500, 1), busy(429, 31), busy(503, 31), new TypeError("a mistake of our own")]) {
    const { attempt, count } = failing(failure);
    await assert.rejects(withRetries(attempt, DEFAULT_RETRY_LIMITS, instantTiming(), undefined), failure);
    assert.equal(count(), 1);
  }
});

test("R1: a create that was cut off is asked for until the first one is done", async () => {
  const timing = instantTiming();
  const { attempt, count } = failing(noConnection, ...Array(40).fill(inFlight));
  assert.equal(await withRetries(attempt, DEFAULT_RETRY_LIMITS, timing, undefined), "done");
  assert.equal(count(), 42);
});

test("R1: a create that never gets done is given up after its time", async () => {
  const timing = instantTiming();
  const { attempt } = failing(noConnection, ...Array(1000).fill(inFlight));
  await assert.rejects(withRetries(attempt, DEFAULT_RETRY_LIMITS, timing, undefined), inFlight);
  const waited = timing.waits.reduce((sum, wait) => sum + wait);
  assert.ok(waited <= DEFAULT_RETRY_LIMITS.inFlightMs + 2000, `${waited}`);
});

test("a conflict without a lost connection before it is a real one", async () => {
  const { attempt, count } = failing(inFlight);
  await assert.rejects(withRetries(attempt, DEFAULT_RETRY_LIMITS, instantTiming(), undefined), inFlight);
  assert.equal(count(), 1);
});

test("cancelling ends the waiting, with the signal's reason", async () => {
  const reason = new Error("enough");
  const { attempt, count } = failing(noConnection);
  const signal = AbortSignal.abort(reason);
  await assert.rejects(withRetries(attempt, DEFAULT_RETRY_LIMITS, instantTiming(), signal), reason);
  assert.equal(count(), 1);
});
