/**
 * Lets go of what a streamed answer is made from when its caller leaves. A caller that stops reading and then leaves while the
 * stream is full would else never be noticed: the adapter waits for the stream to drain, and a stream that was reset does not.
 */
import type { Interceptor } from "@connectrpc/connect";

export const abandonedAnswers: Interceptor = (next) => async (request) => {
  const response = await next(request);
  if (!response.stream) return response;
  return { ...response, message: released(response.message, request.signal) };
};

function released<T>(messages: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = messages[Symbol.asyncIterator]();
      const release = (): void => {
        // What it fails with on its way out is for nobody: the caller has left.
        iterator.return?.().catch(() => {});
      };
      signal.addEventListener("abort", release, { once: true });
      return iterator;
    },
  };
}
