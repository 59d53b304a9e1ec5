/** Reading a file of a guest as a stream. A body that ends early is an error: a short file is never taken for a whole one. */

import { filesRoute } from "./file-path.ts";
import { fileRefusal } from "./file-refusal.ts";
import type { GuestAnswer, GuestConnection } from "./guest-connection.ts";
import { malformedAnswer } from "./guest-failure.ts";
import { bodyChunks, readSmall } from "./small-answer.ts";

export interface FileContent {
  /** When the guest told it beforehand; then exactly so many bytes come. */
  readonly size?: number;
  /** Read it to its end, leave the loop, or abort the signal of the request: else the connection stays open. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export async function readGuestFile(
  connection: GuestConnection,
  path: string,
  user: string,
  signal: AbortSignal,
): Promise<FileContent> {
  const route = filesRoute(path, user);
  const headers = { "accept-encoding": "identity" };
  const answer = await connection.request({ method: "GET", path: route, headers }, signal);
  if (answer.status !== 200) {
    const text = await readSmall(answer, connection.limits.answerBytes, signal);
    throw fileRefusal({ status: answer.status, text }, path);
  }
  try {
    const size = announcedSize(answer);
    return { ...(size === undefined ? {} : { size }), chunks: bodyChunks(answer.body, signal) };
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
}

/** The body's length. undici holds the guest to it. @throws when there is no telling whether a body was cut. */
function announcedSize({ headers }: GuestAnswer): number | undefined {
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") throw malformedAnswer("it compressed a file unasked");
  const length = headers["content-length"];
  if (typeof length === "string" && /^\d{1,15}$/.test(length)) return Number(length);
  if (length !== undefined) throw malformedAnswer("a file's length is not a number");
  if (headers["transfer-encoding"] !== "chunked") throw malformedAnswer("a file without its length");
  return undefined;
}
