/** Time that passes at once when it is waited for, and chance without surprises. */
import type { Timing } from "../http/timing.ts";

export interface InstantTiming extends Timing {
  /** All waits so far, in milliseconds. */
  readonly waits: number[];
}

export function instantTiming(): InstantTiming {
  const waits: number[] = [];
  let now = Date.parse("2025-01-02T03:04:05Z");
  return {
    waits,
    now: () => now,
    random: () => 1,
    async wait(milliseconds, signal) {
      signal?.throwIfAborted();
      waits.push(milliseconds);
      now += milliseconds;
    },
  };
}
