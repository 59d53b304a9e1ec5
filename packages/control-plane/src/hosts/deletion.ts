/** Taking a host out: never while it has sandboxes, unless they are to be destroyed with it. */
import { RoostError } from "@roost/protocol/errors";
import type { Database } from "../db/database.ts";
import type { HostClients } from "./clients/host-clients.ts";

/** What deletion has to know and do about sandboxes. */
export interface HostSandboxes {
  /** Ids of those of this host that are not stopped. */
  onHost(hostId: string): Promise<string[]>;
  /** Destroys one, whoever owns it. Resolves to whether it is gone: a silent host leaves it `stopping`. */
  destroyAnyones(sandboxId: string): Promise<boolean>;
}

/** The host has sandboxes, and nobody said that they may be destroyed. */
export class HostHasSandboxesError extends RoostError {
  readonly sandboxIds: readonly string[];

  constructor(sandboxIds: readonly string[]) {
    super("host_has_sandboxes", "This host has sandboxes; destroy them first, or delete it with ?force=true.");
    this.sandboxIds = sandboxIds;
  }
}

export interface DeletionParts {
  readonly db: Database;
  readonly clients: HostClients;
  readonly sandboxes: HostSandboxes;
}

export async function deleteHost(parts: DeletionParts, hostId: string, options: { force: boolean }): Promise<void> {
  const { db, sandboxes, clients } = parts;
  const present = await sandboxes.onHost(hostId);
  if (present.length > 0 && !options.force) throw new HostHasSandboxesError(present);
  await stopPlacingOn(db, hostId);
  const gone = await Promise.all(present.map((id) => sandboxes.destroyAnyones(id)));
  if (gone.includes(false)) {
    throw new RoostError(
      "host_unavailable",
      "This host does not answer; its sandboxes are marked for destruction. Delete it again when it is back.",
    );
  }
  await removeRow(db, hostId);
  clients.drop(hostId);
}

/** Otherwise new sandboxes could arrive while the old ones are destroyed. */
async function stopPlacingOn(db: Database, hostId: string): Promise<void> {
  await db
    .updateTable("hosts")
    .set({ status: "draining" })
    .where("id", "=", hostId)
    .where("status", "!=", "pending")
    .execute();
}

async function removeRow(db: Database, hostId: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // A create that assigns this host now waits here, and then finds it gone.
    await trx.selectFrom("hosts").where("id", "=", hostId).select("id").forUpdate().executeTakeFirst();
    const late = await trx
      .selectFrom("sandboxes")
      .where("host_id", "=", hostId)
      .where("status", "!=", "stopped")
      .select("id")
      .execute();
    if (late.length > 0) throw new HostHasSandboxesError(late.map((row) => row.id));
    await trx.updateTable("sandboxes").set({ host_id: null }).where("host_id", "=", hostId).execute();
    await trx.deleteFrom("hosts").where("id", "=", hostId).execute();
  });
}
