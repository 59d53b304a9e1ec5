/** How long to wait before a dead process is started again: longer each time, at once again after it has run well. */

export interface BackOff {
  /** Milliseconds to wait, after a life of `livedMs`. */
  next(livedMs: number): number;
}

const FIRST_MS = 250;
const LONGEST_MS = 30_000;
/** Who lived this long was well; its death is a new story. */
const WELL_MS = 60_000;

export function backOff(): BackOff {
  let deaths = 0;
  return {
    next(livedMs) {
      if (livedMs >= WELL_MS) deaths = 0;
      return Math.min(LONGEST_MS, FIRST_MS * 2 ** deaths++);
    },
  };
}
