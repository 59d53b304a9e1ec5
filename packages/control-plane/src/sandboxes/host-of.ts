/** Finds the client of the host that a sandbox is on. */
import { RoostError } from "@roost/protocol/errors";
import type { SandboxRow } from "../db/tables.ts";
import type { HostAgentClient } from "../hosts/hosts.ts";
import type { SandboxParts } from "./parts.ts";

export async function clientOfHost(
  parts: Pick<SandboxParts, "db" | "clients">,
  hostId: string,
): Promise<HostAgentClient> {
  const host = await parts.db.selectFrom("hosts").where("id", "=", hostId).select(["id", "address"]).executeTakeFirst();
  if (!host?.address) throw new RoostError("host_unavailable", "The sandbox's host is gone.");
  return parts.clients.get({ id: host.id, address: host.address });
}

/**
 * The client for a team's running sandbox, noting that it is in use.
 * @throws RoostError `not_found` (also for another team's), `not_running`, `host_unavailable`.
 */
export async function clientOfRunning(parts: SandboxParts, teamId: string, id: string): Promise<HostAgentClient> {
  const row = await parts.rows.touchRunning(teamId, id);
  if (row?.host_id) return clientOfHost(parts, row.host_id);
  throw notRunning(await requireSandbox(parts, teamId, id));
}

/** Notes, some time soon, that a sandbox has been in use until now. */
export function noteUse(parts: SandboxParts, teamId: string, id: string): void {
  parts.background.run("note that a sandbox was in use", async () => {
    await parts.rows.touchRunning(teamId, id);
  });
}

/** @throws RoostError `not_found`, also for another team's. */
export async function requireSandbox(
  parts: Pick<SandboxParts, "rows">,
  teamId: string,
  id: string,
): Promise<SandboxRow> {
  const row = await parts.rows.find(teamId, id);
  if (!row) throw new RoostError("not_found", "There is no such sandbox.");
  return row;
}

/** A command or file that is not there has an answer of its own; what an agent does not find is the sandbox. */
export function hostForgot(error: RoostError): RoostError {
  if (error.code !== "not_found") return error;
  return new RoostError("not_running", "The sandbox's host does not have it any more.", { cause: error });
}

export function notRunning(row: SandboxRow): RoostError {
  const why = row.status === "error" && row.error ? ` (${row.error})` : "";
  return new RoostError("not_running", `The sandbox is ${row.status}${why}; this needs it running.`);
}
