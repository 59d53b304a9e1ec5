/** What has failed is not tried again at once: not for half a minute, then twice as long each time, up to an hour. */
const FIRST_MS = 30_000;
const LONGEST_MS = 3_600_000;

interface Failures {
  readonly inARow: number;
  readonly untilMs: number;
}

export class BackOff {
  readonly #now: () => Date;
  readonly #failures = new Map<string, Failures>();

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Whether it is still too early to try this again. */
  holds(key: string): boolean {
    return (this.#failures.get(key)?.untilMs ?? 0) > this.#now().getTime();
  }

  /** @returns for how long it holds. */
  failed(key: string): number {
    const inARow = (this.#failures.get(key)?.inARow ?? 0) + 1;
    const pauseMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** (inARow - 1));
    const nowMs = this.#now().getTime();
    this.#failures.set(key, { inARow, untilMs: nowMs + pauseMs });
    for (const [other, { untilMs }] of this.#failures) {
      if (untilMs + LONGEST_MS < nowMs) this.#failures.delete(other); // Nobody asks for that any more.
    }
    return pauseMs;
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }
}
