/** What sandboxes are made from. For now base images, which every team may use. */
import { RoostError } from "@roost/protocol/errors";
import type { Database } from "../db/database.ts";
import type { TemplateRow } from "../db/tables.ts";

/** @throws RoostError `not_found` when the team sees no template of this name. */
export async function findTemplate(db: Database, teamId: string, name: string): Promise<TemplateRow> {
  const template = await db
    .selectFrom("templates")
    .where("name", "=", name)
    .where((eb) => eb.or([eb("team_id", "is", null), eb("team_id", "=", teamId)]))
    // A team cannot name a snapshot like a base image; were there both, the base image it is.
    .orderBy("team_id", (order) => order.asc().nullsFirst())
    .selectAll()
    .limit(1)
    .executeTakeFirst();
  if (!template) throw new RoostError("not_found", `There is no template “${name}”; “minimal” is always there.`);
  return template;
}
