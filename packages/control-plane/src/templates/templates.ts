/** What sandboxes are made from: base images, which every team may use, and a team's own snapshots. */
import { RoostError } from "@roost/protocol/errors";
import type { Database } from "../db/database.ts";
import { afterCursor, type PageRequest } from "../db/pages.ts";
import type { TemplateRow, TemplateType } from "../db/tables.ts";

/** @throws RoostError `not_found` when the team sees no template of this name. */
export async function findTemplate(db: Database, teamId: string, name: string): Promise<TemplateRow> {
  const template = await visible(db, teamId)
    .where("name", "=", name)
    // A team cannot name a snapshot like a base image; were there both, the base image it is.
    .orderBy("team_id", (order) => order.asc().nullsFirst())
    .limit(1)
    .executeTakeFirst();
  if (!template) throw noSuchTemplate(name);
  return template;
}

/** One that the team sees. */
export function findTemplateById(db: Database, teamId: string, id: string): Promise<TemplateRow | undefined> {
  return visible(db, teamId).where("id", "=", id).executeTakeFirst();
}

export function noSuchTemplate(name: string): RoostError {
  return new RoostError("not_found", `There is no template “${name}”; “minimal” is always there.`);
}

/** Base images and the team's snapshots, newest first. */
export function listTemplates(
  db: Database,
  teamId: string,
  type: TemplateType | undefined,
  page: PageRequest,
): Promise<TemplateRow[]> {
  let query = visible(db, teamId).where(afterCursor(page.after));
  if (type) query = query.where("type", "=", type);
  return query.orderBy("created_at", "desc").orderBy("id", "desc").limit(page.limit).execute();
}

function visible(db: Database, teamId: string) {
  return db
    .selectFrom("templates")
    .where((eb) => eb.or([eb("team_id", "is", null), eb("team_id", "=", teamId)]))
    .selectAll();
}
