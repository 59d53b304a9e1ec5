/** The guest's refusals of what is asked of its files' tree, as errors that a caller acts on. */
import { Code } from "@connectrpc/connect";
import { type ErrorCode, RoostError } from "@roost/protocol/errors";
import { quoteForeignWords } from "../../foreign-words/foreign-words.ts";
import { localCause, saidByGuest } from "../connect-transport.ts";
import { guestRefusal } from "../guest-failure.ts";

const CODES: Readonly<Partial<Record<Code, ErrorCode>>> = {
  [Code.NotFound]: "not_found",
  [Code.AlreadyExists]: "conflict",
  [Code.InvalidArgument]: "invalid_request",
  [Code.PermissionDenied]: "invalid_request",
  [Code.FailedPrecondition]: "invalid_request",
  [Code.Unauthenticated]: "invalid_request",
};

/** @param exhausted what it means when the guest has no room for it. */
export function treeRefusal(error: unknown, path: string, exhausted: RoostError): RoostError {
  if (!saidByGuest(error)) return localCause(error);
  if (error.code === Code.ResourceExhausted) return exhausted;
  const code = CODES[error.code];
  if (code === undefined) return guestRefusal(error.rawMessage);
  return new RoostError(code, `The sandbox refused ${quoteForeignWords(path)}: ${quoteForeignWords(error.rawMessage)}`);
}
