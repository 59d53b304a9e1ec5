/**
 * What a person may do in a team. Members use it; admins also let people in and out and look after its keys; owners also make
 * owners. A team that one is not in is not there.
 */
import { RoostError } from "@roost/protocol/errors";
import type { Database, DatabaseTransaction } from "../db/database.ts";
import type { TeamRole } from "../db/tables.ts";

export const TEAM_ROLES: readonly TeamRole[] = ["owner", "admin", "member"];

const RANK: Readonly<Record<TeamRole, number>> = { member: 0, admin: 1, owner: 2 };

export function isAtLeast(role: TeamRole, least: TeamRole): boolean {
  return RANK[role] >= RANK[least];
}

/** @throws RoostError `not_found` when the user is not in the team, `forbidden` when their role is too low. */
export async function requireRole(db: Database, userId: string, teamId: string, least: TeamRole): Promise<TeamRole> {
  const role = await roleOf(db, userId, teamId);
  if (!role) throw noSuchTeam();
  if (!isAtLeast(role, least)) {
    throw new RoostError(
      "forbidden",
      `Only ${least === "owner" ? "owners" : "owners and admins"} of the team may do this.`,
    );
  }
  return role;
}

/**
 * The same, with the team's row locked until the transaction ends: of all that change who is in a team, or what it may have,
 * one goes on at a time.
 */
export async function lockTeamAs(
  trx: DatabaseTransaction,
  userId: string,
  teamId: string,
  least: TeamRole,
): Promise<TeamRole> {
  await lockTeam(trx, teamId);
  return requireRole(trx, userId, teamId, least);
}

/** Locks a team's row until the transaction ends; rows that refer to it can still be made. */
export async function lockTeam(trx: DatabaseTransaction, teamId: string): Promise<void> {
  await trx.selectFrom("teams").where("id", "=", teamId).select("id").forNoKeyUpdate().execute();
}

export async function roleOf(db: Database, userId: string, teamId: string): Promise<TeamRole | undefined> {
  const row = await db
    .selectFrom("users_teams")
    .where("user_id", "=", userId)
    .where("team_id", "=", teamId)
    .select("role")
    .executeTakeFirst();
  return row?.role;
}

export function noSuchTeam(): RoostError {
  return new RoostError("not_found", "You are in no such team.");
}
