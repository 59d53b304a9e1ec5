/**
 * What a failed call to a host means to the one who asked for it. A host's errors carry a code (`ErrorReason`); only those
 * about the request itself go through, everything else is the host's own trouble. Its words may stem from a guest: they
 * are cut short and lose their control characters.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { type ErrorCode, fromConnectError, RoostError } from "@roost/protocol/errors";

const ABOUT_THE_REQUEST: ReadonlySet<ErrorCode> = new Set([
  "invalid_request",
  "not_found",
  "conflict",
  "not_running",
  "not_paused",
  "sandbox_paused",
  "payload_too_large",
  "rate_limited",
  "no_capacity",
  "disk_full",
]);

/** The connection broke or nobody answered: what the host did meanwhile is unknown. */
const UNREACHED: ReadonlySet<Code> = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.Aborted, Code.Canceled]);

const LONGEST_MESSAGE = 500;

function plain(text: string): string {
  const cut = text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
  return cut.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").toWellFormed();
}

/** The error of a call to a host, in our own words. */
export function asHostError(error: unknown): RoostError {
  if (error instanceof RoostError) return error;
  const fallback = UNREACHED.has(ConnectError.from(error).code) ? "host_unavailable" : "host_failed";
  const { code, message } = fromConnectError(error, fallback);
  if (ABOUT_THE_REQUEST.has(code)) return new RoostError(code, plain(message), { cause: error });
  if (code === "host_unavailable") {
    return new RoostError(code, "The sandbox's host does not answer; try again soon.", { cause: error });
  }
  return new RoostError("host_failed", `The host failed: ${plain(message)}`, { cause: error });
}
