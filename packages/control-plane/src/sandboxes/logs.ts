/** What a sandbox's console and its VMM printed last. Guests write what they like: only plain text leaves here. */
import { RoostError } from "@roost/protocol/errors";
import { asHostError } from "../hosts/hosts.ts";
import { clientOfHost, requireSandbox } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";

export interface SandboxLogs {
  readonly console: string;
  readonly vmm: string;
}

const TIMEOUT_MS = 30_000;

/** @throws RoostError `not_found`, `not_running` (destroyed, or not yet on a host), `host_unavailable`, `host_failed`. */
export async function readSandboxLogs(
  parts: SandboxParts,
  teamId: string,
  id: string,
  limitBytes: number,
): Promise<SandboxLogs> {
  const row = await requireSandbox(parts, teamId, id);
  if (row.host_id === null || row.status === "stopped") {
    throw new RoostError("not_running", `The sandbox is ${row.status}; it has no logs.`);
  }
  try {
    const client = await clientOfHost(parts, row.host_id);
    const logs = await client.readLogs({ sandboxId: id, limitBytes }, { timeoutMs: TIMEOUT_MS });
    return { console: plainText(logs.console), vmm: plainText(logs.vmm) };
  } catch (error) {
    throw asHostError(error);
  }
}

/** UTF-8 with replacement characters for what is not, without control characters (terminal escapes!) but newline and tab. */
function plainText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}
