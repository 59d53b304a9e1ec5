/** Work of which only one piece is done at a time, in the order in which it was asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** @throws the signal's reason when it is aborted before its turn has come; what the work throws. */
  async take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const before = this.#last;
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    this.#last = Promise.all([before, over]);
    try {
      await untilAborted(before, signal);
      return await work();
    } finally {
      end();
    }
  }
}

async function untilAborted(event: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([event, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
