/** The processes that were started in a sandbox. */
import type { ProcessInfo } from "@roost/protocol/hostagent";
import { asHostError } from "../hosts/hosts.ts";
import type { ProcessName } from "./command-stream.ts";
import { clientOfRunning, hostForgot } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";

const TIMEOUT_MS = 60_000;

/** @throws RoostError `not_found`, `not_running`, `host_unavailable`, `host_failed`. */
export async function listSandboxProcesses(
  parts: SandboxParts,
  teamId: string,
  id: string,
  signal: AbortSignal,
): Promise<ProcessInfo[]> {
  const client = await clientOfRunning(parts, teamId, id);
  try {
    return (await client.listProcesses({ sandboxId: id }, { signal, timeoutMs: TIMEOUT_MS })).processes;
  } catch (error) {
    throw hostForgot(asHostError(error));
  }
}

/** To its whole group. @throws RoostError as `listSandboxProcesses`; `not_found` also when there is no such process. */
export async function signalSandboxProcess(
  parts: SandboxParts,
  teamId: string,
  id: string,
  name: ProcessName,
  number: number,
  signal: AbortSignal,
): Promise<void> {
  const client = await clientOfRunning(parts, teamId, id);
  const request = { sandboxId: id, process: { selector: name }, signal: number };
  try {
    await client.signalProcess(request, { signal, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    throw asHostError(error);
  }
}
