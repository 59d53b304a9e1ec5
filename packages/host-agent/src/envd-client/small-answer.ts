/** Requests with a small answer: bounded in size, and in time from the first byte sent to the last received. */
import type { Readable } from "node:stream";
import type { GuestAnswer, GuestConnection, GuestRequest } from "./guest-connection.ts";
import { GuestUnreachable, malformedAnswer, transportFailure } from "./guest-failure.ts";

export interface SmallAnswer {
  readonly status: number;
  readonly text: string;
}

export async function askSmall(
  connection: GuestConnection,
  request: GuestRequest,
  signal: AbortSignal,
): Promise<SmallAnswer> {
  return await withinAnswerTime(connection, signal, async (limited) => {
    const answer = await connection.request(request, limited);
    return { status: answer.status, text: await readSmall(answer, connection.limits.answerBytes, limited) };
  });
}

/** Runs `work` with a signal that also ends it when the guest takes too long for a small answer. */
export async function withinAnswerTime<T>(
  connection: GuestConnection,
  signal: AbortSignal,
  work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new GuestUnreachable("it did not answer in time");
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(late), connection.limits.answerMs);
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** The whole of a body as text. More than `limitBytes` is an error, and ends the connection. */
export async function readSmall(answer: GuestAnswer, limitBytes: number, signal: AbortSignal): Promise<string> {
  const collected = Buffer.alloc(limitBytes);
  let length = 0;
  for await (const chunk of atMost(limitBytes, bodyChunks(answer.body, signal)))
    length += chunk.copy(collected, length);
  return collected.toString("utf8", 0, length);
}

/** Pieces below this are put together, up to the second: large ones are not worth the copy. */
const SMALL_BYTES = 4 * 1024;
const GATHERED_BYTES = 32 * 1024;

/**
 * A body in chunks; its errors are ours. Leaving the loop early destroys the body.
 *
 * A small piece comes with others that are there: whoever sends single bytes would else have each of them handled, and passed on to the
 * control plane, as if it were a message of its own.
 */
export async function* bodyChunks(body: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for await (const first of body as AsyncIterable<Buffer>) {
      const more = first.length < SMALL_BYTES ? Math.min(body.readableLength, GATHERED_BYTES) : 0;
      const rest = more > 0 ? (body.read(more) as Buffer | null) : null;
      yield rest === null ? first : Buffer.concat([first, rest]);
    }
  } catch (error) {
    throw transportFailure(error, signal);
  }
}

/** The same chunks, as long as they are no more than `limitBytes` in all. */
export async function* atMost(limitBytes: number, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > limitBytes) throw malformedAnswer(`more than ${limitBytes} bytes`);
    yield chunk;
  }
}
