/** Time, as the link to the control plane sees it: given from outside, so that tests move it by hand. */
import { performance } from "node:perf_hooks";

export interface Clock {
  /** Milliseconds that only go forward; for how long ago something was. */
  now(): number;
  /** The calendar's time; for certificates. */
  date(): Date;
  /** Calls back once after so many milliseconds, unless disposed before. */
  setTimer(ms: number, callback: () => void): Disposable;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  setTimer: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** Resolves after so many milliseconds, or as soon as the signal is aborted. */
export async function wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  using _timer = clock.setTimer(ms, resolve);
  const onAbort = (): void => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  await promise;
  signal.removeEventListener("abort", onAbort);
}
