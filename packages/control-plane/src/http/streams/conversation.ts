/** What all streams have in common: a first message in good time, and an end that says why. */
import { RoostError } from "@roost/protocol/errors";
import type { FastifyBaseLogger } from "fastify";
import { CLOSE, endingOf } from "./close-codes.ts";
import type { StreamMessage, StreamSocket } from "./stream-socket.ts";

const FIRST_MESSAGE_MS = 60_000;

/** @param talk returns when all is said; what it throws is told to the other end. */
export async function converse(
  socket: StreamSocket,
  log: FastifyBaseLogger,
  talk: (first: StreamMessage, rest: AsyncGenerator<StreamMessage>) => Promise<void>,
): Promise<void> {
  try {
    const messages = socket.messages();
    await talk(await firstOf(messages), messages);
    socket.close({ code: CLOSE.normal, reason: "" });
  } catch (error) {
    if (socket.left.aborted) return;
    if (!(error instanceof RoostError) || error.code === "internal") log.error({ err: error }, "a stream failed");
    const ending = endingOf(error);
    const [code, data] = error instanceof RoostError ? [error.code, error.message] : ["internal", ending.reason];
    // Not waited for: who reads no more would never be told that it is over.
    void socket.send(JSON.stringify({ type: "error", code, data })).catch(() => {});
    socket.close(ending);
  }
}

async function firstOf(messages: AsyncGenerator<StreamMessage>): Promise<StreamMessage> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new RoostError("invalid_request", "No first message came within a minute."));
  }, FIRST_MESSAGE_MS);
  try {
    const first = await Promise.race([messages.next(), late.promise]);
    if (first.done === true) throw new RoostError("invalid_request", "The client left without a word.");
    return first.value;
  } finally {
    clearTimeout(timer);
  }
}
