/**
 * Whether this host is supervised: control is lost when no heartbeat was accepted for 90 s (the moment at which the control plane
 * counts this host's sandboxes as missing), or when it refuses this host; it is regained with the next accepted heartbeat.
 */
import type { Clock } from "./clock.ts";

export const SILENCE_MS = 90_000;

export interface SupervisionEvents {
  /** Called once each time it is lost. */
  readonly onControlLost?: ((why: "silent" | "refused") => void) | undefined;
  readonly onControlRegained?: (() => void) | undefined;
}

export class Supervision implements Disposable {
  readonly #clock: Clock;
  readonly #events: SupervisionEvents;
  #timer: Disposable | undefined;
  #lost = false;

  /** Counts from now on. */
  constructor(clock: Clock, events: SupervisionEvents) {
    this.#clock = clock;
    this.#events = events;
    this.#arm();
  }

  accepted(): void {
    this.#arm();
    if (!this.#lost) return;
    this.#lost = false;
    this.#events.onControlRegained?.();
  }

  refused(): void {
    this.#lose("refused");
  }

  /** Counts no more. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#clock.setTimer(SILENCE_MS, () => this.#lose("silent"));
  }

  #lose(why: "silent" | "refused"): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#events.onControlLost?.(why);
  }
}
