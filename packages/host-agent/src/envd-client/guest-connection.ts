/**
 * The HTTP connections to one sandbox's guest agent, opened as needed and closed together.
 *
 * Holds: no redirect is followed, headers are at most 16 KiB and come once, nothing of an answer is buffered beyond a stream's
 * window, and an error that leaves here carries none of the guest's bytes.
 */
import type { Readable } from "node:stream";
import { type Dispatcher, Pool } from "undici";
import { malformedAnswer, transportFailure } from "./guest-failure.ts";
import type { GuestLimits } from "./guest-limits.ts";

export interface GuestRequest {
  readonly method: "GET" | "POST";
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | AsyncIterable<Uint8Array>;
  /** From the last byte of the request to the headers of the answer; default `limits.answerMs`. */
  readonly headersMs?: number;
}

export interface GuestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Errors with a RoostError, or the abort's reason. Must be read to its end or destroyed. */
  readonly body: Readable;
}

export class GuestConnection implements AsyncDisposable {
  readonly origin: string;
  readonly limits: GuestLimits;
  /** Sent with every request, once `/init` has set it. */
  accessToken: string | undefined;
  readonly #pool: Pool;

  constructor(options: { address: string; port: number; accessToken: string | undefined; limits: GuestLimits }) {
    this.origin = `http://${options.address}:${options.port}`;
    this.accessToken = options.accessToken;
    this.limits = options.limits;
    this.#pool = new Pool(this.origin, {
      connect: { timeout: options.limits.connectMs },
      bodyTimeout: options.limits.silenceMs,
      maxHeaderSize: 16 * 1024,
      pipelining: 1,
      allowH2: false,
      // A guest's own wish for a longer one is not followed.
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 4_000,
    });
  }

  /** Sends a request and answers with its head. @throws RoostError `host_failed`, or the abort's reason. */
  async request(request: GuestRequest, signal: AbortSignal): Promise<GuestAnswer> {
    const token = this.accessToken;
    const refused = new AbortController();
    try {
      const answer = await this.#pool.request({
        method: request.method,
        path: request.path,
        headers: { ...request.headers, ...(token === undefined ? {} : { "x-access-token": token }) },
        // undici takes any async iterable; its types name only streams.
        body: (request.body ?? null) as Dispatcher.DispatchOptions["body"] & object,
        headersTimeout: request.headersMs ?? this.limits.answerMs,
        // Each informational answer (1xx) would start the time for the headers anew, without end; envd sends none.
        onInfo: () => refused.abort(malformedAnswer("an answer before its answer")),
        signal: AbortSignal.any([signal, refused.signal]),
      });
      // A body destroyed before it is read reports that as an error, to nobody.
      answer.body.on("error", () => {});
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    } catch (error) {
      throw transportFailure(error, signal);
    }
  }

  /** Breaks off whatever is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
  }
}
