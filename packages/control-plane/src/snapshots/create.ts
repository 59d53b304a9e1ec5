/**
 * Making a snapshot: its host makes it under an id that nobody knows yet, and only what is whole gets its name. So a snapshot
 * that is being replaced stays until the new one is there, and of two that want one name one gets it. What a control plane
 * that dies in between leaves on the host has no row, and is swept (`sweeps.ts`).
 */
import { RoostError } from "@roost/protocol/errors";
import { violatesUnique } from "../db/constraints.ts";
import type { Database, DatabaseTransaction } from "../db/database.ts";
import type { TemplateRow } from "../db/tables.ts";
import type { LeaveAs, MadeSnapshot } from "../sandboxes/sandboxes.ts";
import { lockTeam } from "../teams/roles.ts";
import { deleteOnHosts } from "./delete.ts";
import type { SnapshotsParts } from "./snapshots.ts";

export interface NewSnapshot {
  /** Of the template that it becomes; chosen by the caller, so that asking twice for the same one is noticed. */
  readonly id: string;
  readonly sandboxId: string;
  /** Made up when undefined. */
  readonly name: string | undefined;
  readonly leave: LeaveAs;
  /** The team's snapshot of this name, if there is one, is replaced. */
  readonly overwrite: boolean;
}

/** Replacements of one snapshot that end at the same moment take their turns; the last one stays. */
const MOST_TURNS = 10;

/**
 * Answers when sandboxes can be made from it.
 * @throws RoostError `conflict` (the name is taken), `limit_reached`, and whatever `snapshotSandbox` throws.
 */
export async function createSnapshot(parts: SnapshotsParts, teamId: string, wanted: NewSnapshot): Promise<TemplateRow> {
  const { id, overwrite } = wanted;
  const name = wanted.name ?? nameFor(id);
  // Before anything is done to the sandbox; the database has the last word.
  const replaces = await requireFreeName(parts.db, teamId, name, overwrite);
  await parts.limits.lookForRoom(parts.db, teamId, { snapshots: replaces ? 0 : 1, disk_mb: replaces ? 0 : 1 });
  const made = await parts.sandboxes.snapshot(teamId, wanted.sandboxId, { id, leave: wanted.leave });
  try {
    const { template, replacedId } = await keep(parts, { id, teamId, name, overwrite, made });
    if (replacedId !== undefined) await deleteOnHosts(parts, teamId, replacedId);
    return template;
  } catch (error) {
    await deleteOnHosts(parts, teamId, id);
    throw error;
  }
}

/** Eight characters of the id: nobody has another of this name. */
function nameFor(id: string): string {
  return `snap-${id.slice(id.indexOf("-") + 1).slice(0, 8)}`;
}

/** @returns whether one of this name is there, to be replaced. */
async function requireFreeName(db: Database, teamId: string, name: string, overwrite: boolean): Promise<boolean> {
  const present = await db
    .selectFrom("templates")
    .where("name", "=", name)
    .where((eb) => eb.or([eb("team_id", "is", null), eb("team_id", "=", teamId)]))
    .select("type")
    .execute();
  if (present.some(({ type }) => type === "base")) {
    throw new RoostError("conflict", `“${name}” is the name of a base image; take another one.`);
  }
  if (present.length > 0 && !overwrite) throw nameTaken(name);
  return present.length > 0;
}

function nameTaken(name: string): RoostError {
  return new RoostError(
    "conflict",
    `There is a snapshot “${name}”; take another name, or replace it (?overwrite=true).`,
  );
}

interface Keeping {
  readonly id: string;
  readonly teamId: string;
  readonly name: string;
  readonly overwrite: boolean;
  readonly made: MadeSnapshot;
}

interface Kept {
  readonly template: TemplateRow;
  readonly replacedId: string | undefined;
}

async function keep({ db, limits }: SnapshotsParts, keeping: Keeping): Promise<Kept> {
  for (let turn = 1; ; turn++) {
    try {
      return await db.transaction().execute((trx) => insert(trx, limits, keeping));
    } catch (error) {
      if (!violatesUnique(error, "templates_name_taken")) throw error;
      if (!keeping.overwrite || turn === MOST_TURNS) throw nameTaken(keeping.name);
    }
  }
}

async function insert(trx: DatabaseTransaction, limits: SnapshotsParts["limits"], keeping: Keeping): Promise<Kept> {
  const { id, teamId: team_id, name, overwrite, made } = keeping;
  // Before any row of its templates, which `requireRoom` would lock the team after: two replacements would wait for each other.
  await lockTeam(trx, team_id);
  const replaced = overwrite
    ? await trx
        .deleteFrom("templates")
        .where("team_id", "=", team_id)
        .where("name", "=", name)
        .returning("id")
        .executeTakeFirst()
    : undefined;
  const { vcpus, memoryMb: memory_mb, sizeBytes: size_bytes } = made;
  await limits.requireRoom(trx, team_id, { snapshots: 1, disk_mb: size_bytes / 2 ** 20 });
  const template = await trx
    .insertInto("templates")
    .values({ id, name, type: "snapshot", team_id, vcpus, memory_mb, size_bytes })
    .returningAll()
    .executeTakeFirstOrThrow();
  await trx.insertInto("template_hosts").values({ template_id: id, host_id: made.hostId }).execute();
  return { template, replacedId: replaced?.id };
}
