/** What was started in a guest and still runs. */
import type { process } from "@roost/protocol/envd";
import { localCause, saidByGuest } from "../connect-transport.ts";
import type { ProcessClient } from "../exec/follow.ts";
import { guestRefusal } from "../guest-failure.ts";
import type { ProcessInfo } from "./process-types.ts";

/** @param client one that takes long lists. @throws RoostError `host_failed`; the signal's reason. */
export async function listProcesses(
  client: ProcessClient,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<ProcessInfo[]> {
  try {
    const { processes } = await client.list({}, { signal, timeoutMs });
    return processes.map(infoOf);
  } catch (error) {
    signal.throwIfAborted();
    throw saidByGuest(error) ? guestRefusal(error.rawMessage) : localCause(error);
  }
}

/** Its environment stays in the guest: it may hold secrets. */
function infoOf({ pid, tag, config }: process.ProcessInfo): ProcessInfo {
  return { pid, tag: tag ?? "", cmd: config?.cmd ?? "", args: config?.args ?? [], cwd: config?.cwd ?? "" };
}
