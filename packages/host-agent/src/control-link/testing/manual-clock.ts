/** A clock that a test moves by hand. */
import type { Clock } from "../clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now = 0;
  #date = new Date("2026-01-01T00:00:00Z").getTime();
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  date(): Date {
    return new Date(this.#date);
  }

  setTimer(ms: number, callback: () => void): Disposable {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** How long until each timer that is set, shortest first. */
  get pending(): readonly number[] {
    return [...this.#timers].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Moves time, and calls what becomes due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#date += due.at - this.#now;
      this.#now = due.at;
      due.callback();
    }
    this.#date += end - this.#now;
    this.#now = end;
  }

  /** Moves the calendar alone. */
  setDate(date: Date): void {
    this.#date = date.getTime();
  }
}
