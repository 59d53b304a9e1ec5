/**
 * One request to the control plane, or one stream: address, credentials, errors, retries. Everything else in this package says only
 * what to ask and how to read the answer.
 */
import { openSocket } from "#socket";
import { RoostApiError, type RoostConnectionError, RoostProtocolError } from "../errors.ts";
import type { MessageSocket } from "../streams/message-socket.ts";
import { connectionError, readError } from "./answer.ts";
import { type RetryLimits, withRetries } from "./retry.ts";
import type { Timing } from "./timing.ts";

export interface Request {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Made with `route`. */
  readonly path: string;
  readonly query?: URLSearchParams | undefined;
  readonly body?: Body | undefined;
  /** Sent as Idempotency-Key. */
  readonly idempotencyKey?: string | undefined;
  /** `safe`: doing it twice is the same as doing it once. */
  readonly repeat: "safe" | "never";
  readonly signal?: AbortSignal | undefined;
}

export interface Body {
  readonly content: string | Uint8Array<ArrayBuffer> | ArrayBuffer | Blob | ReadableStream<Uint8Array>;
  readonly type: string;
}

export interface TransportOptions {
  readonly url: URL;
  readonly apiKey: string | undefined;
  readonly token: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly retry: RetryLimits;
  readonly timing: Timing;
}

export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Sends a request and reads its answer; reading belongs to the attempt, as a connection can break in the middle of it. */
  async send<T>(request: Request, read: (response: Response) => Promise<T>): Promise<T> {
    request.signal?.throwIfAborted();
    const attempt = (): Promise<T> => this.#attempt(request, read);
    if (request.repeat === "never") return await attempt();
    return await withRetries(attempt, this.#options.retry, this.#options.timing, request.signal);
  }

  /** The error for a stream of bytes from this server that broke off. */
  brokenStream(cause: unknown): RoostConnectionError {
    return connectionError(this.#options.url, cause);
  }

  /** A WebSocket; it is opened once. */
  async openSocket(
    path: string,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly socket: MessageSocket; readonly origin: string }> {
    const url = this.#address({ path });
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const refused = (answer: Response): Promise<Error> => readError(answer, this.#options.timing.now());
    try {
      return { socket: await openSocket(url, this.#options, refused, signal), origin: this.#options.url.origin };
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof RoostApiError ? error : connectionError(this.#options.url, error);
    }
  }

  async #attempt<T>(request: Request, read: (response: Response) => Promise<T>): Promise<T> {
    const url = this.#address(request);
    const init = this.#init(request);
    try {
      const response = await this.#options.fetch(url, init);
      if (response.ok) return await read(response);
      throw await readError(response, this.#options.timing.now());
    } catch (error) {
      // Whatever the cancelling broke on its way, the caller asked for it: that is the reason to give.
      request.signal?.throwIfAborted();
      const isRoosts = error instanceof RoostApiError || error instanceof RoostProtocolError;
      throw isRoosts ? error : connectionError(url, error);
    }
  }

  #init({ method, body, signal, ...request }: Request): RequestInit {
    const headers = new Headers({ accept: "application/json" });
    if (this.#options.apiKey !== undefined) headers.set("x-api-key", this.#options.apiKey);
    if (this.#options.token !== undefined) headers.set("authorization", `Bearer ${this.#options.token}`);
    if (request.idempotencyKey !== undefined) headers.set("idempotency-key", request.idempotencyKey);
    if (body !== undefined) headers.set("content-type", body.type);
    const init: RequestInit = { method, headers, redirect: "error" };
    if (signal !== undefined) init.signal = signal;
    if (body !== undefined) init.body = body.content;
    if (body?.content instanceof ReadableStream) init.duplex = "half";
    return init;
  }

  #address(request: Pick<Request, "path" | "query">): URL {
    const url = new URL(this.#options.url);
    url.pathname = url.pathname.replace(/\/+$/, "") + request.path;
    if (request.query !== undefined) url.search = request.query.toString();
    return url;
  }
}

/** A JSON body; properties that are undefined are left out. */
export function jsonBody(value: object): Body {
  return { content: JSON.stringify(value), type: "application/json" };
}
