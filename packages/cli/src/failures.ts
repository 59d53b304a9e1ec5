/** From whatever was thrown to the sentence a person reads and the exit status a script reads. */
import { RoostApiError, RoostConnectionError, RoostProtocolError } from "@roost/sdk";
import { CommandFailure } from "./command-failure.ts";
import { EXIT } from "./exit-codes.ts";
import { BrokenPipe } from "./output/printer.ts";
import { Interruption } from "./surroundings.ts";

export interface Failure {
  /** Undefined: nothing is to be said. */
  readonly message: string | undefined;
  readonly exitCode: number;
}

/** `otherwise`: the exit status of failures that have none of their own. */
export function describeFailure(error: unknown, otherwise: number): Failure {
  if (error instanceof BrokenPipe) return { message: undefined, exitCode: EXIT.brokenPipe };
  if (error instanceof Interruption) return { message: "interrupted", exitCode: error.exitCode };
  if (error instanceof CommandFailure) {
    const ownCode = error.exitCode === EXIT.failure || error.exitCode === EXIT.usage ? undefined : error.exitCode;
    return { message: error.message, exitCode: ownCode ?? (otherwise === EXIT.failure ? error.exitCode : otherwise) };
  }
  return { message: messageOf(error), exitCode: otherwise };
}

export function messageOf(error: unknown): string {
  if (error instanceof RoostApiError) return apiMessage(error);
  if (error instanceof RoostConnectionError) return `${error.message} A Roost of your own starts with ./roost up.`;
  if (error instanceof RoostProtocolError) return error.message;
  if (!(error instanceof Error)) return String(error);
  // A TypeError of the SDK's is about what was typed, too, and says so itself.
  return error.message;
}

function apiMessage(error: RoostApiError): string {
  const hint =
    error.code === "unauthorized" ? " Run roost login, or check ROOST_API_KEY; roost config shows what is used." : "";
  const request = error.requestId === undefined ? "" : `, request ${error.requestId}`;
  return `${error.message}${hint} (${error.code}${request})`;
}
