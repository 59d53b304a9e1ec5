/**
 * The Connect protocol over a sandbox's own connections, with binary messages.
 *
 * Holds: nothing is decompressed, no message or small answer is larger than the limits, and of every error one can tell whether
 * the guest said it (`saidByGuest`) or it arose here.
 */
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import type { UniversalClientRequest, UniversalClientResponse } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import { filesystem, process } from "@roost/protocol/envd";
import { RoostError } from "@roost/protocol/errors";
import { wholeEnvelopes } from "./envelopes.ts";
import type { GuestAnswer, GuestConnection } from "./guest-connection.ts";
import { GuestUnreachable, malformedAnswer } from "./guest-failure.ts";
import type { GuestLimits } from "./guest-limits.ts";
import { atMost, bodyChunks } from "./small-answer.ts";

/**
 * Set on every answer's headers here. Connect copies the headers into the errors that it reads from an answer, and only into those.
 */
const FROM_ANSWER = "roost-from-answer";

/** Answered when the process has read its input: whenever that is. */
const INPUT_PATH = `/${process.Process.typeName}/${process.Process.method.sendInput.name}`;
/** Moving or removing a large folder takes its time. */
const TREE_PATHS = `/${filesystem.Filesystem.typeName}/`;

/** Of a message in a stream, and of an answer that is a single one. */
export interface MessageLimits {
  readonly messageBytes: number;
  readonly answerBytes: number;
}

export function guestTransport(connection: GuestConnection, limits: MessageLimits = connection.limits): Transport {
  const readMaxBytes = Math.max(limits.messageBytes, limits.answerBytes);
  return createTransport({
    baseUrl: connection.origin,
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 0,
    readMaxBytes,
    writeMaxBytes: limits.messageBytes,
    httpClient: async (request) => await send(connection, limits, request),
  });
}

/** Whether the guest itself answered with this error; its message is then the guest's words. */
export function saidByGuest(error: unknown): error is ConnectError {
  return error instanceof ConnectError && error.metadata.has(FROM_ANSWER);
}

/**
 * What lies behind an error that arose here: a RoostError of the connection, or, when an answer could not be parsed, one that says
 * so without the parser's words.
 */
export function localCause(error: unknown): RoostError {
  if (error instanceof RoostError) return error;
  if (error instanceof ConnectError && error.cause instanceof RoostError) return error.cause;
  if (error instanceof ConnectError && error.code === Code.DeadlineExceeded) {
    return new GuestUnreachable("it did not answer in time");
  }
  return malformedAnswer("a message that is not of the protocol");
}

async function send(
  connection: GuestConnection,
  { answerBytes, messageBytes }: MessageLimits,
  request: UniversalClientRequest,
): Promise<UniversalClientResponse> {
  const signal = request.signal ?? new AbortController().signal;
  const path = new URL(request.url).pathname;
  const answer = await connection.request(
    {
      method: "POST",
      path,
      headersMs: headersLimit(path, connection.limits),
      headers: Object.fromEntries(request.header),
      ...(request.body === undefined ? {} : { body: request.body }),
    },
    signal,
  );
  const header = answerHeaders(answer);
  const chunks = bodyChunks(answer.body, signal);
  const streams = header.get("content-type")?.startsWith("application/connect+") === true;
  const body = streams ? wholeEnvelopes(chunks, messageBytes) : atMost(answerBytes, chunks);
  return { status: answer.status, header, body, trailer: new Headers() };
}

/** 0: none. */
function headersLimit(path: string, { answerMs, storeMs }: GuestLimits): number {
  if (path === INPUT_PATH) return 0;
  return path.startsWith(TREE_PATHS) ? storeMs : answerMs;
}

function answerHeaders({ headers }: GuestAnswer): Headers {
  const result = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === "string" ? [value] : (value ?? [])) result.append(name, one);
  }
  result.set(FROM_ANSWER, "1");
  return result;
}
