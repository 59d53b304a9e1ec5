import type { Steps } from "@roost/host-agent/testing";

/** Runs every step for real, and shows what is there between two of them. */
export class WatchedSteps implements Steps, Disposable {
  readonly #look: (name: string) => Promise<void> | void;

  /** @param look is run after each step, with its name; the operation waits for it. */
  constructor(look: (name: string) => Promise<void> | void) {
    this.#look = look;
  }

  async run<T>(name: string, step: () => Promise<T> | T): Promise<T> {
    const result = await step();
    await this.#look(name);
    return result;
  }

  [Symbol.dispose](): void {}
}
