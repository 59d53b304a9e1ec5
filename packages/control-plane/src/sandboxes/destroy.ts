/**
 * Destroying is never refused. The row says `stopping` first, so that it is carried out in any case: now, or, when the host
 * is silent, by its next heartbeat.
 */
import type { SandboxRow } from "../db/tables.ts";
import { asHostError } from "../hosts/hosts.ts";
import { clientOfHost, requireSandbox } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";

/** The agent waits for a step that runs, such as a pause, and a VMM gets its time to end. */
const DESTROY_TIMEOUT_MS = 240_000;

/** @throws RoostError `not_found`, also for another team's. */
export async function destroySandbox(parts: SandboxParts, teamId: string, id: string): Promise<void> {
  await requireSandbox(parts, teamId, id);
  await destroyAnyones(parts, id);
}

/** Resolves to whether it is gone now; if not, it is `stopping`. */
export async function destroyAnyones(parts: SandboxParts, id: string): Promise<boolean> {
  const row = await parts.rows.markStopping(id);
  return row?.status === "stopping" ? carryOutDestroy(parts, row) : true;
}

/** What remains to be done for a row that is `stopping`. */
export function carryOutDestroy(parts: SandboxParts, row: Pick<SandboxRow, "id" | "host_id">): Promise<boolean> {
  const { id, host_id } = row;
  if (host_id === null) return Promise.resolve(true);
  return parts.inFlight.during(id, async () => {
    if (!(await askHostToDestroy(parts, host_id, id))) return false;
    await parts.rows.markStopped(id);
    return true;
  });
}

/** Resolves to whether the host has certainly nothing of the sandbox any more. Never throws. */
export async function askHostToDestroy(parts: SandboxParts, hostId: string, sandboxId: string): Promise<boolean> {
  try {
    const client = await clientOfHost(parts, hostId);
    await client.destroySandbox({ sandboxId }, { timeoutMs: DESTROY_TIMEOUT_MS });
    return true;
  } catch (error) {
    const { code, message } = asHostError(error);
    parts.log.warn({ sandbox_id: sandboxId, host_id: hostId, code, reason: message }, "destroy waits for the host");
    return false;
  }
}
