/** Tells of refused connections, at most once a while: whoever can reach the port must not be able to fill the log. */
import type { Logger } from "pino";

const QUIET_MS = 10_000;

export class RefusalLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  #quietUntil = Number.NEGATIVE_INFINITY;
  #untold = 0;

  /** @param now milliseconds of a clock that only goes forward. */
  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** @param why in our words, never the peer's. */
  tell(peer: string | undefined, why: string): void {
    const now = this.#now();
    if (now < this.#quietUntil) {
      this.#untold++;
      return;
    }
    this.#logger.warn({ peer, why, untold: this.#untold }, "a connection to the RPC port was refused");
    this.#quietUntil = now + QUIET_MS;
    this.#untold = 0;
  }
}
