/** Messages that have come and that nobody has taken yet, for one who takes them. */
export class Arrivals {
  readonly #messages: (string | Uint8Array)[] = [];
  #bytes = 0;
  #isAtEnd = false;
  #wake: (() => void) | undefined;

  /** Of all that wait; a text counts by its characters. */
  get bytes(): number {
    return this.#bytes;
  }

  add(message: string | Uint8Array): void {
    this.#messages.push(message);
    this.#bytes += message.length;
    this.#wake?.();
  }

  /** No more will come. */
  end(): void {
    this.#isAtEnd = true;
    this.#wake?.();
  }

  clear(): void {
    this.#messages.length = 0;
    this.#bytes = 0;
  }

  async take(): Promise<string | Uint8Array | undefined> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) {
        this.#bytes -= message.length;
        return message;
      }
      if (this.#isAtEnd) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
