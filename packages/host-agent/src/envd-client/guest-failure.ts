/**
 * What went wrong with a guest agent, as the rest of Roost sees it.
 *
 * A guest that cannot be reached, is too slow or answers nonsense is `host_failed` (502, "bad gateway"): not `internal`, since
 * the sandbox's own root can bring it about at will and must not be able to look like a bug of ours.
 *
 * None of these errors has a `cause`: the errors of HTTP and Connect libraries carry the guest's bytes in their fields, and
 * loggers print causes with all their fields (N4).
 */
import { RoostError } from "@roost/protocol/errors";
import { errors } from "undici";
import { quoteForeignWords } from "../foreign-words/foreign-words.ts";

/** The connection broke, or was never there: what was asked may or may not have happened. */
export class GuestUnreachable extends RoostError {
  constructor(what: string) {
    super("host_failed", `The sandbox's guest agent cannot be reached: ${what}. If it lasts, destroy the sandbox.`);
  }
}

/** The guest answered something that this protocol does not allow. `what` is in our words. */
export function malformedAnswer(what: string): RoostError {
  return new RoostError("host_failed", `The sandbox's guest agent answered wrongly: ${what}.`);
}

/** The guest said, with an error, that it could not; `words` are its own. */
export function guestRefusal(words: string): RoostError {
  return new RoostError("host_failed", `The sandbox's guest agent failed: ${quoteForeignWords(words)}`);
}

/** Failures of undici that are told apart; all others are told by their code alone. */
const UNREACHABLE_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "it closed the connection",
  EHOSTUNREACH: "no route to it",
  EPIPE: "it closed the connection",
  UND_ERR_SOCKET: "it closed the connection",
  UND_ERR_CONNECT_TIMEOUT: "it did not take the connection in time",
  UND_ERR_HEADERS_TIMEOUT: "it did not answer in time",
  UND_ERR_BODY_TIMEOUT: "it stopped in the middle of an answer",
  UND_ERR_HEADERS_OVERFLOW: "its headers are too large",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "its answer was cut short",
  UND_ERR_DESTROYED: "the sandbox is being stopped",
  UND_ERR_CLOSED: "the sandbox is being stopped",
};

/** An error of the HTTP client, without the guest's bytes that it may carry. The abort of `signal` is passed on as it is. */
export function transportFailure(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof RoostError) return error;
  // Its code may be missing, and its message quotes no bytes but is not ours.
  if (error instanceof errors.HTTPParserError) return malformedAnswer("not HTTP");
  const code = errorCode(error);
  return new GuestUnreachable(UNREACHABLE_WORDS[code] ?? code);
}

function errorCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : "the connection failed";
}
