/**
 * A `fetch` for Node that waits as long as the answer takes. Node's own gives up after five minutes without response
 * headers, which a long `exec` needs, and its limit cannot be changed without a dependency. What holds: same arguments,
 * same answers, same errors and cancelling as `fetch`, for what this package asks of it (no redirects, no cache).
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isLoopback } from "./loopback.ts";

export async function patientFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  // Request does what is tedious: the boundary of a FormData, the checking of headers, one signal of two.
  const request = new Request(input, init);
  const headers: Record<string, string> = Object.fromEntries(request.headers);
  if (typeof init?.body === "string") headers["content-length"] = String(Buffer.byteLength(init.body));
  const message = await send(request, headers);
  return toResponse(message);
}

async function send(request: Request, headers: Record<string, string>): Promise<IncomingMessage> {
  const { signal } = request;
  signal.throwIfAborted();
  const url = new URL(request.url);
  const open = url.protocol === "https:" ? httpsRequest : httpRequest;
  const answered = Promise.withResolvers<IncomingMessage>();
  // A proxy from the environment (NODE_USE_ENV_PROXY) is for the way out: this machine itself is never behind it.
  const agent = isLoopback(url.hostname) ? false : undefined;
  const outgoing = open(url, { method: request.method, headers, signal, agent });
  outgoing.on("error", (cause) => {
    answered.reject(signal.aborted ? signal.reason : new TypeError("fetch failed", { cause }));
  });
  outgoing.on("response", answered.resolve);
  // An answer may come before the whole body was sent (a refusal): it counts, not the broken pipe that follows.
  if (request.body === null) outgoing.end();
  else pipeline(Readable.fromWeb(request.body), outgoing).catch(answered.reject);
  return await answered.promise;
}

function toResponse(message: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const status = message.statusCode ?? 0;
  const isEmpty = status === 204 || status === 304;
  if (isEmpty) message.resume();
  return new Response(isEmpty ? null : Readable.toWeb(message), { status, headers });
}
