/** A signal for a process and its whole group. */
import { Code } from "@connectrpc/connect";
import type { process } from "@roost/protocol/envd";
import { RoostError } from "@roost/protocol/errors";
import { localCause, saidByGuest } from "../connect-transport.ts";
import type { ProcessClient } from "../exec/follow.ts";
import { guestRefusal } from "../guest-failure.ts";
import type { ProcessName } from "./process-types.ts";

const ANSWER_MS = 30_000;

/** @param number 1 to 31. @throws RoostError `not_found` when no such process runs; `host_failed`; the reason of `aborted`. */
export async function signalProcess(
  client: ProcessClient,
  name: ProcessName,
  number: number,
  aborted: AbortSignal,
): Promise<void> {
  // An open enum: it names but two of the numbers it takes.
  const signal = number as process.Signal;
  try {
    await client.sendSignal({ process: { selector: name }, signal }, { signal: aborted, timeoutMs: ANSWER_MS });
  } catch (error) {
    aborted.throwIfAborted();
    if (!saidByGuest(error)) throw localCause(error);
    if (error.code === Code.NotFound) throw new RoostError("not_found", "No such process runs in the sandbox.");
    throw guestRefusal(error.rawMessage);
  }
}
