/**
 * The same bytes as another stream, whose failures pass through `translate` first. Nothing is read ahead of the reader's
 * own wish, so back-pressure reaches the source; cancelling reaches it too, and is not a failure.
 */
export function relay(
  source: ReadableStream<Uint8Array>,
  translate: (failure: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read().catch((failure: unknown) => {
          throw translate(failure);
        });
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
