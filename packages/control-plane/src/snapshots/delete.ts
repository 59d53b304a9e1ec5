/** Deleting a snapshot: its name is free at once, its files go from every host. Sandboxes made from it are not touched. */
import { RoostError } from "@roost/protocol/errors";
import type { Database } from "../db/database.ts";
import { asHostError, type HostTarget } from "../hosts/hosts.ts";
import type { SnapshotsParts } from "./snapshots.ts";

const TIMEOUT_MS = 30_000;

/** @throws RoostError `not_found` (also for another team's), `forbidden` for a base image. */
export async function deleteSnapshot(parts: SnapshotsParts, teamId: string, name: string): Promise<void> {
  const { db } = parts;
  const deleted = await db
    .deleteFrom("templates")
    .where("team_id", "=", teamId)
    .where("name", "=", name)
    .returning("id")
    .executeTakeFirst();
  if (deleted) return deleteOnHosts(parts, teamId, deleted.id);
  const base = await db
    .selectFrom("templates")
    .where("team_id", "is", null)
    .where("name", "=", name)
    .select("id")
    .executeTakeFirst();
  if (base) throw new RoostError("forbidden", `“${name}” is a base image, which belongs to everyone.`);
  throw new RoostError("not_found", `There is no snapshot “${name}”.`);
}

/**
 * Tells every host that answers; the others are told when they are back, by the sweeps. Never throws: to whoever asked for
 * it the snapshot is gone.
 */
export async function deleteOnHosts(parts: SnapshotsParts, teamId: string, snapshotId: string): Promise<void> {
  try {
    const hosts = await hostsOfTeam(parts.db, teamId);
    await Promise.all(hosts.map((host) => deleteOn(parts, host, snapshotId)));
  } catch (error) {
    parts.log.warn({ err: error, snapshot_id: snapshotId }, "a snapshot's files are left to the sweeps");
  }
}

async function deleteOn(parts: SnapshotsParts, host: HostTarget, snapshotId: string): Promise<void> {
  try {
    const client = await parts.clients.get(host);
    await client.deleteSnapshot({ snapshotId }, { timeoutMs: TIMEOUT_MS });
  } catch (error) {
    const { code, message } = asHostError(error);
    parts.log.warn(
      { snapshot_id: snapshotId, host_id: host.id, code, reason: message },
      "a host keeps a snapshot's files for now",
    );
  }
}

/** Those that may ever have had it. */
async function hostsOfTeam(db: Database, teamId: string): Promise<HostTarget[]> {
  const rows = await db
    .selectFrom("hosts")
    .where("status", "in", ["online", "draining"])
    .where((eb) => eb.or([eb("team_id", "is", null), eb("team_id", "=", teamId)]))
    .select(["id", "address"])
    .execute();
  return rows.flatMap(({ id, address }) => (address === null ? [] : [{ id, address }]));
}
