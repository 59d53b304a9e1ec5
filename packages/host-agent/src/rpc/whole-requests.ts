/**
 * A request that was cut is an error, never a shorter request: Node ends the body of an HTTP/2 request that its peer reset as if it
 * had been whole. The stream below knows better.
 */
import type { Http2ServerRequest, ServerHttp2Stream } from "node:http2";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  createContextValues,
  type Interceptor,
} from "@connectrpc/connect";

const streamBelow = createContextKey<ServerHttp2Stream | undefined>(undefined, { description: "the HTTP/2 stream" });

/** For the adapter: what the interceptor needs to know of a request. */
export function requestContext(request: Http2ServerRequest): ContextValues {
  return createContextValues().set(streamBelow, request.stream);
}

export const wholeRequests: Interceptor = (next) => async (request) => {
  const below = request.contextValues.get(streamBelow);
  if (below === undefined) throw new TypeError("a request that did not come over HTTP/2");
  if (request.stream) return await next({ ...request, message: whole(request.message, below) });
  refuseCut(below);
  return await next(request);
};

async function* whole<T>(messages: AsyncIterable<T>, below: ServerHttp2Stream): AsyncIterable<T> {
  yield* messages;
  refuseCut(below);
}

function refuseCut(below: ServerHttp2Stream): void {
  if (below.aborted || below.destroyed || below.rstCode !== 0) {
    throw new ConnectError("The request was cut before its end.", Code.Canceled);
  }
}
