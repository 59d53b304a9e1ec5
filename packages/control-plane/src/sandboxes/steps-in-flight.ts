/**
 * The sandboxes on which this process works at this moment. A heartbeat leaves them alone: what it says was written before
 * the step ended.
 */
export class StepsInFlight {
  readonly #counts = new Map<string, number>();

  has(sandboxId: string): boolean {
    return this.#counts.has(sandboxId);
  }

  async during<T>(sandboxId: string, step: () => Promise<T>): Promise<T> {
    this.#counts.set(sandboxId, (this.#counts.get(sandboxId) ?? 0) + 1);
    try {
      return await step();
    } finally {
      const left = (this.#counts.get(sandboxId) ?? 1) - 1;
      if (left === 0) this.#counts.delete(sandboxId);
      else this.#counts.set(sandboxId, left);
    }
  }
}
