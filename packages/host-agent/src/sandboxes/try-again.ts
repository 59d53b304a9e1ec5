/** For work that must be done in the end, and may be begun any number of times. */
import { setTimeout } from "node:timers/promises";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/** Resolves when it was done, or when nobody waits any more. @param onFailure told of each attempt that failed */
export async function tryAgain(
  work: () => Promise<void>,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): Promise<void> {
  for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      onFailure(error);
    }
    await setTimeout(pause, undefined, { signal }).catch(() => {});
  }
}
