/**
 * Asks again and again, for what tells nobody when it is ready. On a slow processor each question takes time from the one who is to get
 * ready: so between two of them it waits ten times as long as the last one took.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

const SHORTEST_MS = 50;
const LONGEST_MS = 2000;
const TIMES_THE_QUESTION = 10;

export async function askUntil(ask: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  for (;;) {
    const askedAt = performance.now();
    if (await ask()) return;
    const wait = TIMES_THE_QUESTION * (performance.now() - askedAt);
    await sleep(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, wait)), undefined, { signal });
  }
}
