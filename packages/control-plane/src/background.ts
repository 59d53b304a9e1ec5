/** Work that no request waits for. It ends before the server does. */
interface BackgroundLog {
  error(facts: object, message: string): void;
}

export class BackgroundWork {
  readonly #running = new Set<Promise<void>>();
  readonly #log: BackgroundLog;

  constructor(log: BackgroundLog) {
    this.#log = log;
  }

  run(what: string, work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => this.#log.error({ err: error, what }, "background work failed"))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when nothing runs any more, also not what was begun meanwhile. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
