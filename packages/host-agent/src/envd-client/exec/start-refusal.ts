/** What the guest says to a start that it refuses. */
import { Code, type ConnectError } from "@connectrpc/connect";
import { RoostError } from "@roost/protocol/errors";
import { quoteForeignWords } from "../../foreign-words/foreign-words.ts";
import { saidByGuest } from "../connect-transport.ts";
import { guestRefusal } from "../guest-failure.ts";

/** The end of a command that never ran, told as a shell tells it. */
export interface NeverRan {
  readonly exitCode: 126 | 127;
  /** For its standard error. */
  readonly words: Buffer;
}

/** @throws the error, when it is not the command's fault. */
export function neverRan(error: unknown, cmd: string): NeverRan {
  if (!saidByGuest(error)) throw error;
  switch (error.code) {
    case Code.NotFound:
      return { exitCode: 127, words: Buffer.from(`roost: ${quoteForeignWords(cmd)}: command not found\n`) };
    case Code.PermissionDenied:
      return { exitCode: 126, words: Buffer.from(`roost: ${quoteForeignWords(cmd)}: permission denied\n`) };
    default:
      throw startRefusal(error);
  }
}

function startRefusal(error: ConnectError): RoostError {
  if (error.code === Code.InvalidArgument || error.code === Code.Unauthenticated) {
    return new RoostError("invalid_request", `The sandbox refused the command: ${quoteForeignWords(error.rawMessage)}`);
  }
  return guestRefusal(error.rawMessage);
}
