/**
 * How much a team may have at once. Sandboxes count until they are destroyed; their vCPUs and memory only while they are, or may
 * be, on a host: not when they are paused. What snapshots hold on disks counts as their hosts told it.
 *
 * Whoever adds something asks in the transaction that adds it: the team's row is locked meanwhile, so that two who ask at the same
 * moment do not both get the last of it.
 */
import { RoostError } from "@roost/protocol/errors";
import { sql } from "kysely";
import type { Database, DatabaseTransaction } from "../db/database.ts";
import type { SandboxStatus } from "../db/tables.ts";
import { lockTeam } from "./roles.ts";

/** What is counted; memory and disk in MiB. */
export interface Amounts {
  readonly sandboxes: number;
  readonly vcpus: number;
  readonly memory_mb: number;
  readonly snapshots: number;
  readonly disk_mb: number;
}

export type Counted = keyof Amounts;

export const COUNTED: readonly Counted[] = ["sandboxes", "vcpus", "memory_mb", "snapshots", "disk_mb"];

/** Those that have, or may have, a machine on a host. */
const ON_A_HOST: readonly SandboxStatus[] = [
  "pending",
  "starting",
  "running",
  "pausing",
  "resuming",
  "stopping",
  "missing",
];

const BYTES_PER_MB = 1024 * 1024;

const WORDS: Readonly<Record<Counted, (amount: number) => string>> = {
  sandboxes: (amount) => `${amount} sandboxes, paused ones included`,
  vcpus: (amount) => `${amount} vCPUs in running sandboxes`,
  memory_mb: (amount) => `${amount} MiB of memory in running sandboxes`,
  snapshots: (amount) => `${amount} snapshots`,
  disk_mb: (amount) => `${amount} MiB of snapshots`,
};

const WAY_OUT: Readonly<Record<Counted, string>> = {
  sandboxes: "Destroy some first",
  vcpus: "Pause or destroy some first",
  memory_mb: "Pause or destroy some first",
  snapshots: "Delete some first",
  disk_mb: "Delete some first",
};

export class TeamLimits {
  readonly #defaults: Amounts;

  /** @param defaults for teams of which nothing else was said; 0: any amount. */
  constructor(defaults: Amounts) {
    this.#defaults = defaults;
  }

  /** In a transaction that adds so much. @throws RoostError `limit_reached`. */
  async requireRoom(trx: DatabaseTransaction, teamId: string, more: Partial<Amounts>): Promise<void> {
    await lockTeam(trx, teamId);
    await this.lookForRoom(trx, teamId, more);
  }

  /** Before work that would be in vain; `requireRoom` has the last word. @throws RoostError `limit_reached`. */
  async lookForRoom(db: Database, teamId: string, more: Partial<Amounts>): Promise<void> {
    const limits = await this.of(db, teamId);
    const wanted = COUNTED.filter((counted) => more[counted] !== undefined && limits[counted] > 0);
    if (wanted.length === 0) return;
    const used = await usageOf(db, teamId);
    for (const counted of wanted) {
      const amount = used[counted] + (more[counted] ?? 0);
      if (amount <= limits[counted]) continue;
      throw new RoostError(
        "limit_reached",
        `The team would have ${WORDS[counted](amount)}; it may have ${limits[counted]}. ` +
          `${WAY_OUT[counted]}, or ask who runs this Roost for more.`,
      );
    }
  }

  /** 0: any amount. */
  async of(db: Database, teamId: string): Promise<Amounts> {
    const own = await db.selectFrom("team_limits").where("team_id", "=", teamId).select(COUNTED).executeTakeFirst();
    const limits = COUNTED.map((counted) => [counted, own?.[counted] ?? this.#defaults[counted]]);
    return Object.fromEntries(limits) as unknown as Amounts;
  }
}

export async function usageOf(db: Database, teamId: string): Promise<Amounts> {
  const onAHost = sql<boolean>`status in (${sql.join(ON_A_HOST)})`;
  const sandboxes = await db
    .selectFrom("sandboxes")
    .where("team_id", "=", teamId)
    .where("status", "!=", "stopped")
    .select([
      sql<number>`count(*)`.as("sandboxes"),
      sql<number>`coalesce(sum(vcpus) filter (where ${onAHost}), 0)::bigint`.as("vcpus"),
      sql<number>`coalesce(sum(memory_mb) filter (where ${onAHost}), 0)::bigint`.as("memory_mb"),
    ])
    .executeTakeFirstOrThrow();
  const snapshots = await db
    .selectFrom("templates")
    .where("team_id", "=", teamId)
    .select([
      sql<number>`count(*)`.as("snapshots"),
      sql<number>`ceil(coalesce(sum(size_bytes), 0) / ${BYTES_PER_MB})::bigint`.as("disk_mb"),
    ])
    .executeTakeFirstOrThrow();
  return { ...sandboxes, ...snapshots };
}

/** Another limit for one team than the settings', or, with null, the settings' again. @throws RoostError `not_found`. */
export async function setTeamLimits(
  db: Database,
  teamId: string,
  limits: Partial<Readonly<Record<Counted, number | null>>>,
): Promise<void> {
  const team = await db.selectFrom("teams").where("id", "=", teamId).select("id").executeTakeFirst();
  if (!team) throw new RoostError("not_found", "There is no such team.");
  await db
    .insertInto("team_limits")
    .values({ team_id: teamId, ...limits })
    .onConflict((conflict) => conflict.column("team_id").doUpdateSet({ team_id: teamId, ...limits }))
    .execute();
}
