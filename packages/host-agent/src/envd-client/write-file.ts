/**
 * Writing a file of a guest from a stream, as fast as the guest takes it. The guest makes the file appear when the request's
 * body has ended well: a source that fails cuts the request, and nothing appears.
 */

import { filesRoute } from "./file-path.ts";
import { fileRefusal } from "./file-refusal.ts";
import type { GuestConnection } from "./guest-connection.ts";
import { GuestUnreachable, malformedAnswer } from "./guest-failure.ts";
import { readSmall } from "./small-answer.ts";

/** Answers with the number of bytes written. A failure of `chunks` itself is passed on as it is. */
export async function writeGuestFile(
  connection: GuestConnection,
  path: string,
  user: string,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const route = filesRoute(path, user);
  using upload = new Upload(chunks, connection.limits.silenceMs);
  const ended = AbortSignal.any([signal, upload.stalled]);
  const headers = { "content-type": "application/octet-stream" };
  const request = { method: "POST", path: route, headers, body: upload, headersMs: connection.limits.storeMs } as const;
  try {
    const answer = await connection.request(request, ended);
    const text = await readSmall(answer, connection.limits.answerBytes, ended);
    if (answer.status !== 200) throw fileRefusal({ status: answer.status, text }, path);
  } catch (error) {
    throw upload.sourceFailure?.error ?? error;
  }
  if (!upload.complete) throw malformedAnswer("it confirmed a file before it had all of it");
  return upload.size;
}

/** A request's body: counts, and notices a guest that takes nothing more. */
class Upload implements AsyncIterable<Uint8Array>, Disposable {
  size = 0;
  complete = false;
  sourceFailure: { readonly error: unknown } | undefined;
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #silenceMs: number;
  readonly #stall = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(source: AsyncIterable<Uint8Array>, silenceMs: number) {
    this.#source = source;
    this.#silenceMs = silenceMs;
  }

  get stalled(): AbortSignal {
    return this.#stall.signal;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#source) {
        // The consumer comes back when the guest has taken enough to make room.
        this.#timer = setTimeout(() => this.#giveUp(), this.#silenceMs);
        yield chunk;
        clearTimeout(this.#timer);
        this.size += chunk.length;
      }
      this.complete = true;
    } catch (error) {
      this.sourceFailure = { error };
      throw error;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #giveUp(): void {
    this.#stall.abort(new GuestUnreachable("it takes no more of the file"));
  }
}
