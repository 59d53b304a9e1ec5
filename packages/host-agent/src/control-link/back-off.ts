/** How long to wait after the nth failure in a row: 1 s, doubled each time up to a limit, and up to a quarter less by chance. */
const FIRST_MS = 1_000;

/**
 * @param failures in a row, from 1.
 * @param random from 0 to 1: hosts that failed together shall not come back together.
 */
export function backOffMs(failures: number, longestMs: number, random: () => number): number {
  const full = Math.min(longestMs, FIRST_MS * 2 ** Math.min(failures - 1, 30));
  return full * (1 - random() / 4);
}
