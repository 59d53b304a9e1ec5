/**
 * When a sandbox was last used (S9): a command or a file transfer counts as use for as long as it lasts, also a silent one; a ping
 * counts once. Unused for its time-out, it is idle.
 */
export class Activity implements Disposable {
  readonly #timeoutMs: number;
  readonly #now: () => Date;
  readonly #onIdle: () => void;
  #lastActive: Date;
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param timeoutSec 0: it is never idle. */
  constructor(timeoutSec: number, now: () => Date, onIdle: () => void) {
    this.#timeoutMs = timeoutSec * 1000;
    this.#now = now;
    this.#onIdle = onIdle;
    this.#lastActive = now();
    this.#wait();
  }

  get lastActive(): Date {
    return this.#underWay > 0 ? this.#now() : this.#lastActive;
  }

  touch(): void {
    this.#lastActive = this.#now();
    this.#wait();
  }

  /** Use that lasts until what is returned is disposed of. */
  begin(): Disposable {
    this.#underWay++;
    let over = false;
    return {
      [Symbol.dispose]: () => {
        if (over) return;
        over = true;
        this.#underWay--;
        this.touch();
      },
    };
  }

  /** Nothing is waited for any more. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#timeoutMs === 0) return;
    // A time-out of weeks is beyond what one timer can hold.
    const delay = Math.min(this.#timeoutMs, MAX_TIMER_MS);
    this.#timer = setTimeout(() => this.#look(), delay).unref();
  }

  #look(): void {
    const idleMs = this.#now().getTime() - this.#lastActive.getTime();
    if (this.#underWay === 0 && idleMs >= this.#timeoutMs) this.#onIdle();
    this.#wait(); // If it could not be paused, it is tried again.
  }
}

/** The longest that Node's timers take. */
const MAX_TIMER_MS = 2 ** 31 - 1;
