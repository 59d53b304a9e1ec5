import assert from "node:assert/strict";
import { type EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

const LIMIT_MS = 60_000;
const INTERVAL_MS = 20;

/** Waits for what nobody announces, such as a row that background work changes. Fails, and says for what it waited, after a minute. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `waited in vain until ${what}`);
    await sleep(INTERVAL_MS);
  }
}

/** Waits for an event, for a minute at most. */
export async function announced(emitter: EventEmitter, event: string): Promise<void> {
  await once(emitter, event, { signal: AbortSignal.timeout(LIMIT_MS) });
}
