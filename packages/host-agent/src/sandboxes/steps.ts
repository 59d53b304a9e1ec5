/**
 * The steps of an operation, each named and timed. What an operation does between two steps is nothing: so a test that makes
 * every step fail in turn, just after it was done, has failed the operation everywhere it can be.
 */
import type { Logger } from "pino";

export interface Steps {
  /** Runs one step. What it acquires, it registers for undoing before it returns. */
  run<T>(name: string, step: () => Promise<T> | T): Promise<T>;
}

/** Told of each step that has ended, whether it failed or not. */
export type OnPhase = (operation: string, phase: string, seconds: number) => void;

/** Times every step and, when the operation has ended, writes one log line with all of them. */
export class TimedSteps implements Steps, Disposable {
  readonly operation: string;
  readonly logger: Logger;
  readonly #onPhase: OnPhase;
  readonly #times: Record<string, number> = {};
  readonly #start = performance.now();

  constructor(operation: string, logger: Logger, onPhase: OnPhase = () => {}) {
    this.operation = operation;
    this.logger = logger;
    this.#onPhase = onPhase;
  }

  async run<T>(name: string, step: () => Promise<T> | T): Promise<T> {
    const start = performance.now();
    try {
      return await step();
    } finally {
      const milliseconds = performance.now() - start;
      this.#times[`${name}_ms`] = round(milliseconds);
      this.#onPhase(this.operation, name, milliseconds / 1000);
    }
  }

  [Symbol.dispose](): void {
    this.logger.info({ ...this.#times, total_ms: round(performance.now() - this.#start) }, this.operation);
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
