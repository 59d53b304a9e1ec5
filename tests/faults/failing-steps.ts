import type { Steps } from "@roost/host-agent/testing";

/** The failure that a test plants. */
export class PlantedFailure extends Error {
  override readonly name = "PlantedFailure";
}

/**
 * Runs every step for real, and fails just after step `failAfter` (counted from 0) was done, so that what it has made is there to be
 * undone. `names` tells which steps there were.
 */
export class FailingSteps implements Steps, Disposable {
  readonly names: string[] = [];
  readonly #failAfter: number;

  constructor(failAfter: number) {
    this.#failAfter = failAfter;
  }

  async run<T>(name: string, step: () => Promise<T> | T): Promise<T> {
    const result = await step();
    this.names.push(name);
    if (this.names.length - 1 === this.#failAfter) throw new PlantedFailure(`after ${name}`);
    return result;
  }

  [Symbol.dispose](): void {}
}

/** Stops for ever after a step, as a process that is killed there does: nothing is undone. */
export class DyingSteps extends FailingSteps {
  readonly dead: Promise<void>;
  readonly #resolve: () => void;

  constructor(dieAfter: number) {
    super(dieAfter);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.dead = promise;
    this.#resolve = resolve;
  }

  override async run<T>(name: string, step: () => Promise<T> | T): Promise<T> {
    try {
      return await super.run(name, step);
    } catch (error) {
      if (!(error instanceof PlantedFailure)) throw error;
      this.#resolve();
      return await new Promise(() => {});
    }
  }
}
