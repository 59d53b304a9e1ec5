/** What a host says of a sandbox, as the control plane takes it. Its words may stem from a guest or a VMM. */
import { SandboxState, type SandboxStatus } from "@roost/protocol/hostagent";
import type { HostAgentClient } from "../hosts/hosts.ts";

/** The states in which a sandbox stays until somebody does something with it. */
export type Observed =
  | { readonly state: "running"; readonly guestIp: string | null }
  | { readonly state: "paused" }
  | { readonly state: "error"; readonly reason: string };

/** `changing`: between two states; a heartbeat will tell how that ended. `absent`: the host does not have it. */
export type Observation = Observed | { readonly state: "changing" } | { readonly state: "absent" };

export const LOST: Observed = { state: "error", reason: "Its host does not have it any more." };

const LIST_TIMEOUT_MS = 30_000;
const LONGEST_REASON = 500;

export function observe(status: SandboxStatus | undefined): Observation {
  switch (status?.state) {
    case undefined:
      return { state: "absent" };
    case SandboxState.RUNNING:
      return { state: "running", guestIp: status.guestIp || null };
    case SandboxState.PAUSED:
      return { state: "paused" };
    case SandboxState.ERROR:
      return { state: "error", reason: plainReason(status.reason) };
    default:
      return { state: "changing" };
  }
}

/** Asks a host for all that it has at this moment. @throws ConnectError. */
export async function askHost(client: HostAgentClient): Promise<ReadonlyMap<string, SandboxStatus>> {
  const { sandboxes } = await client.listSandboxes({}, { timeoutMs: LIST_TIMEOUT_MS });
  return new Map(sandboxes.map((sandbox) => [sandbox.sandboxId, sandbox]));
}

function plainReason(reason: string): string {
  const plain = reason
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    .toWellFormed()
    .trim();
  return plain === "" ? "Its machine ended by itself." : plain.slice(0, LONGEST_REASON);
}
