/**
 * Reads the hosts that may take a team's sandboxes: those that have sent a heartbeat, since only then their agent takes calls,
 * and that hold the snapshot, if it is made from one. What is reserved is summed from the rows, which are ahead of heartbeats;
 * paused sandboxes take no memory.
 */
import { sql } from "kysely";
import type { Database } from "../../db/database.ts";
import type { TemplateRow } from "../../db/tables.ts";
import type { Candidate } from "./placement.ts";

export async function readCandidates(
  db: Database,
  teamId: string,
  template: Pick<TemplateRow, "id" | "type">,
): Promise<Candidate[]> {
  let hosts = db
    .selectFrom("hosts")
    .where("status", "=", "online")
    .where("last_heartbeat_at", "is not", null)
    .where((eb) => eb.or([eb("team_id", "is", null), eb("team_id", "=", teamId)]));
  if (template.type === "snapshot") {
    const holders = db.selectFrom("template_hosts").where("template_id", "=", template.id).select("host_id");
    hosts = hosts.where("id", "in", holders);
  }
  const rows = await hosts
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
