/** How a sandbox answers while something else goes on: commands one after the other, each of which must work. */
import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import type { Sandbox } from "@roost/sdk";

export interface Answers {
  readonly count: number;
  readonly medianMs: number;
  readonly slowestMs: number;
}

/** Far beyond what a busy machine needs for a command that does nothing. */
const LIMIT_SEC = 120;

/** At least one, however slow; until `stop`. */
export async function answersOf(sandbox: Sandbox, stop: AbortSignal): Promise<Answers> {
  const times: number[] = [];
  do {
    const start = performance.now();
    const { stdout } = await sandbox.exec("echo", ["fine"], { timeoutSec: LIMIT_SEC });
    assert.equal(stdout, "fine\n");
    times.push(Math.round(performance.now() - start));
  } while (!stop.aborted);
  const sorted = times.toSorted((a, b) => a - b);
  return { count: times.length, medianMs: sorted[sorted.length >> 1] ?? 0, slowestMs: sorted.at(-1) ?? 0 };
}
