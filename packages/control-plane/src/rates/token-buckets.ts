/**
 * Token buckets, one for each key: `burst` requests at once, then so many in a while, evenly (the generic cell rate algorithm, which
 * keeps one time for each key). They are this process's own: with n control planes a caller may do n times as much.
 */
export interface Rate {
  /** So many requests … */
  readonly requests: number;
  /** … in so many milliseconds, in the long run. */
  readonly perMs: number;
  readonly burst: number;
}

/** Nobody fills the memory by coming from ever new addresses: the oldest keys are forgotten first. */
const MOST_KEYS = 100_000;

export class TokenBuckets {
  readonly #rate: Rate;
  readonly #now: () => number;
  /** When each key's bucket will be full again. In the order of last use. */
  readonly #fullAt = new Map<string, number>();

  /** @param now monotonic milliseconds. */
  constructor(rate: Rate, now: () => number) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Takes a token. @returns 0 when there was one, else in how many milliseconds there will be one. */
  take(key: string): number {
    const waitMs = this.waitMs(key);
    if (waitMs > 0) return waitMs;
    const now = this.#now();
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now) + this.#intervalMs;
    this.#fullAt.delete(key);
    this.#fullAt.set(key, fullAt);
    if (this.#fullAt.size > MOST_KEYS) this.#forgetOldest();
    return 0;
  }

  /** In how many milliseconds there will be a token; 0 when there is one. Takes none. */
  waitMs(key: string): number {
    const emptyFor = (this.#fullAt.get(key) ?? 0) - this.#now() - (this.#rate.burst - 1) * this.#intervalMs;
    return Math.max(0, emptyFor);
  }

  get #intervalMs(): number {
    return this.#rate.perMs / this.#rate.requests;
  }

  #forgetOldest(): void {
    const oldest = this.#fullAt.keys().next();
    if (!oldest.done) this.#fullAt.delete(oldest.value);
  }
}
