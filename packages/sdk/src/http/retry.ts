/**
 * When a request is sent again. Only requests that are safe to repeat come here (reads, destroying, and creating under
 * an Idempotency-Key); only failures that may pass are retried: no connection, or 429, 502 and 503 with a Retry-After.
 *
 * A create whose connection broke may still be at work in the server, which answers its repetition with 409 `conflict`
 * until it is done: then we ask again, patiently, and get the first answer. A 409 without a broken connection before it
 * is a real one.
 */
import { RoostApiError, RoostConnectionError } from "../errors.ts";
import type { Timing } from "./timing.ts";

export interface RetryLimits {
  /** How many failed attempts are followed by another one. Default 3; 0 turns retries off. */
  readonly retries: number;
  /** The wait before the first retry; each further one doubles it. Default 200 ms. */
  readonly firstDelayMs: number;
  /** A server that asks for more patience than this is not retried but reported. Default 30 s. */
  readonly longestDelayMs: number;
  /** How long a create that was cut off is asked for. Default 2 minutes. */
  readonly inFlightMs: number;
}

export const DEFAULT_RETRY_LIMITS: RetryLimits = {
  retries: 3,
  firstDelayMs: 200,
  longestDelayMs: 30_000,
  inFlightMs: 120_000,
};

const MAY_PASS: ReadonlySet<number> = new Set([429, 502, 503]);
const IN_FLIGHT_DELAY_MS = 1000;

export async function withRetries<T>(
  attempt: () => Promise<T>,
  limits: RetryLimits,
  timing: Timing,
  signal: AbortSignal | undefined,
): Promise<T> {
  let failures = 0;
  let cutOffAt: number | undefined;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (isInFlight(error) && cutOffAt !== undefined && timing.now() - cutOffAt < limits.inFlightMs) {
        await timing.wait(IN_FLIGHT_DELAY_MS, signal);
        continue;
      }
      const delay = delayAfter(error, failures, limits, timing);
      if (delay === undefined || failures >= limits.retries) throw error;
      if (error instanceof RoostConnectionError) cutOffAt ??= timing.now();
      failures += 1;
      await timing.wait(delay, signal);
    }
  }
}

function isInFlight(error: unknown): boolean {
  return error instanceof RoostApiError && error.status === 409 && error.code === "conflict";
}

function delayAfter(error: unknown, failures: number, limits: RetryLimits, timing: Timing): number | undefined {
  // Half of it by chance, so that many clients cut off at once do not come back at once.
  const backOff = limits.firstDelayMs * 2 ** failures * (0.5 + timing.random() / 2);
  if (error instanceof RoostConnectionError) return Math.min(backOff, limits.longestDelayMs);
  if (!(error instanceof RoostApiError) || !MAY_PASS.has(error.status)) return undefined;
  if (error.retryAfterSec === undefined) return undefined;
  const asked = error.retryAfterSec * 1000;
  return asked > limits.longestDelayMs ? undefined : Math.max(asked, backOff);
}
