/** Who is in a team, and as what. A team always has an owner. Whoever goes takes along what they could still come in by. */
import { RoostError } from "@roost/protocol/errors";
import { sql } from "kysely";
import type { Database, DatabaseTransaction } from "../db/database.ts";
import type { PageRequest } from "../db/pages.ts";
import type { TeamRole } from "../db/tables.ts";
import { lockTeamAs, requireRole, roleOf } from "./roles.ts";

/** In the order in which they came. @throws RoostError `not_found`. */
export async function listMembers(db: Database, userId: string, teamId: string, page: PageRequest) {
  await requireRole(db, userId, teamId, "member");
  const { after } = page;
  const following =
    after && sql<boolean>`(users_teams.created_at, users.id) < (${after.createdAt}::timestamptz, ${after.id}::text)`;
  return db
    .selectFrom("users_teams")
    .innerJoin("users", "users.id", "users_teams.user_id")
    .where("users_teams.team_id", "=", teamId)
    .where(following ?? sql<boolean>`true`)
    .orderBy("users_teams.created_at", "desc")
    .orderBy("users.id", "desc")
    .limit(page.limit)
    .select(["users.id", "users.email", "users_teams.role", "users_teams.created_at"])
    .execute();
}

/** @throws RoostError `not_found`, `forbidden`, `conflict` when the team would have no owner. */
export function changeRole(db: Database, userId: string, teamId: string, memberId: string, role: TeamRole) {
  return db.transaction().execute(async (trx) => {
    const own = await lockTeamAs(trx, userId, teamId, "admin");
    const before = await requireMember(trx, teamId, memberId);
    if (before === "owner" || role === "owner") requireOwner(own);
    if (before === "owner" && role !== "owner") await requireAnotherOwner(trx, teamId, memberId);
    await trx
      .updateTable("users_teams")
      .set({ role })
      .where("team_id", "=", teamId)
      .where("user_id", "=", memberId)
      .execute();
    const member = await trx
      .selectFrom("users_teams")
      .innerJoin("users", "users.id", "users_teams.user_id")
      .where("users_teams.team_id", "=", teamId)
      .where("users.id", "=", memberId)
      .select(["users.id", "users.email", "users_teams.role", "users_teams.created_at"])
      .executeTakeFirstOrThrow();
    return member;
  });
}

/**
 * Removes a member; anyone may so remove themselves. The API keys and invitations that they made in the team go with them:
 * they know them.
 * @throws RoostError `not_found`, `forbidden`, `conflict` when the team would have no owner.
 */
export function removeMember(db: Database, userId: string, teamId: string, memberId: string): Promise<void> {
  return db.transaction().execute(async (trx) => {
    const own = await lockTeamAs(trx, userId, teamId, userId === memberId ? "member" : "admin");
    const role = await requireMember(trx, teamId, memberId);
    if (role === "owner") {
      requireOwner(own);
      await requireAnotherOwner(trx, teamId, memberId);
    }
    await trx.deleteFrom("team_api_keys").where("team_id", "=", teamId).where("created_by", "=", memberId).execute();
    await trx.deleteFrom("team_invites").where("team_id", "=", teamId).where("created_by", "=", memberId).execute();
    await trx.deleteFrom("users_teams").where("team_id", "=", teamId).where("user_id", "=", memberId).execute();
  });
}

async function requireMember(trx: DatabaseTransaction, teamId: string, memberId: string): Promise<TeamRole> {
  const role = await roleOf(trx, memberId, teamId);
  if (!role) throw new RoostError("not_found", "There is no such member.");
  return role;
}

function requireOwner(role: TeamRole): void {
  if (role !== "owner") throw new RoostError("forbidden", "Only owners of the team may make, change or remove owners.");
}

async function requireAnotherOwner(trx: DatabaseTransaction, teamId: string, memberId: string): Promise<void> {
  const other = await trx
    .selectFrom("users_teams")
    .where("team_id", "=", teamId)
    .where("user_id", "!=", memberId)
    .where("role", "=", "owner")
    .select("user_id")
    .limit(1)
    .executeTakeFirst();
  if (!other) throw new RoostError("conflict", "They are the team's only owner; make someone else an owner first.");
}
