/**
 * Notices that this machine's clock has gone on further than its programs have run, or was set: it slept, or was corrected. A guest's clock
 * does neither by itself: it stood still meanwhile.
 */

/** How long a guest is wrong at most. A look is two readings of clocks. */
const LOOK_EVERY_MS = 1_000;
/** What two readings that are not taken at once may differ by, and what a guest may be wrong by. */
const TOLERANCE_MS = 300;

export interface Clocks {
  /** What time it is. */
  readonly now: () => Date;
  /** Milliseconds that this machine was awake (CLOCK_MONOTONIC). */
  readonly awake: () => number;
}

export class ClockWatch implements Disposable {
  readonly #clocks: Clocks;
  readonly #onJump: () => void;
  readonly #timer: NodeJS.Timeout;
  #offset: number;

  /** @param onJump the clock is another one than before. */
  constructor(clocks: Clocks, onJump: () => void) {
    this.#clocks = clocks;
    this.#onJump = onJump;
    this.#offset = this.#measure();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const offset = this.#measure();
    if (Math.abs(offset - this.#offset) < TOLERANCE_MS) return;
    this.#offset = offset;
    this.#onJump();
  }

  /** By how much the time is ahead of the waking; a clock that is slewed drifts, and adds up to a jump in the end. */
  #measure(): number {
    const { now, awake } = this.#clocks;
    return now().getTime() - awake();
  }
}
