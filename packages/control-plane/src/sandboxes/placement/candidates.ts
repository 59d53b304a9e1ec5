/**
 * Reads the hosts that may take a team's sandboxes: those that have sent a heartbeat, since only then their agent takes calls.
 * What is reserved is summed from the rows, which are ahead of heartbeats.
 */
import { sql } from "kysely";
import type { Database } from "../../db/database.ts";
import type { Candidate } from "./placement.ts";

export async function readCandidates(db: Database, teamId: string): Promise<Candidate[]> {
  const rows = await db
    .selectFrom("hosts")
    .where("status", "=", "online")
    .where("last_heartbeat_at", "is not", null)
    .where((eb) => eb.or([eb("team_id", "is", null), eb("team_id", "=", teamId)]))
    .select((eb) => [
      "id",
      "address",
      "memory_mb",
      "disk_free_mb",
      eb
        .selectFrom("sandboxes")
        .whereRef("sandboxes.host_id", "=", "hosts.id")
        .where("sandboxes.status", "in", ["starting", "running", "pausing", "resuming", "stopping", "missing"])
        .select(sql<number>`coalesce(sum(sandboxes.memory_mb), 0)`.as("reserved"))
        .$asScalar()
        .as("reserved"),
    ])
    .execute();
  return rows.flatMap(({ id, address, memory_mb, disk_free_mb, reserved }) =>
    address === null || memory_mb === null
      ? []
      : [{ id, address, memoryMb: memory_mb, freeMemoryMb: memory_mb - (reserved ?? 0), freeDiskMb: disk_free_mb }],
  );
}
