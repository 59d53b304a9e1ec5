/**
 * Invitations to a team: a token that its maker passes on, good for one email, once, for a week. Only the token's hash is
 * kept. A team has at most one for each email; another one replaces it.
 */
import { randomBytes } from "node:crypto";
import { RoostError } from "@roost/protocol/errors";
import { newId } from "@roost/protocol/ids";
import { sql } from "kysely";
import type { Database, DatabaseTransaction } from "../db/database.ts";
import { afterCursor, type PageRequest } from "../db/pages.ts";
import type { TeamRole } from "../db/tables.ts";
import { hashToken, newToken } from "../secrets/tokens.ts";
import { lockTeam, lockTeamAs, requireRole } from "./roles.ts";

const COLUMNS = ["id", "team_id", "email", "role", "created_by", "created_at", "expires_at"] as const;
const NOW = sql<Date>`now()`;
const IN_A_WEEK = sql<Date>`now() + interval '7 days'`;

export interface NewInvite {
  readonly email: string;
  readonly role: TeamRole;
}

/** @throws RoostError `not_found`, `forbidden`, `conflict` when they are in the team already. */
export function createInvite(db: Database, userId: string, teamId: string, wanted: NewInvite) {
  const token = newToken("rsti_");
  return db.transaction().execute(async (trx) => {
    await lockTeamAs(trx, userId, teamId, wanted.role === "owner" ? "owner" : "admin");
    await requireNoMember(trx, teamId, wanted.email);
    await trx.deleteFrom("team_invites").where("team_id", "=", teamId).where("email", "=", wanted.email).execute();
    const row = await trx
      .insertInto("team_invites")
      .values({
        id: newId("invite", randomBytes),
        team_id: teamId,
        email: wanted.email,
        role: wanted.role,
        token_hash: hashToken(token),
        created_by: userId,
        expires_at: IN_A_WEEK,
      })
      .returning(COLUMNS)
      .executeTakeFirstOrThrow();
    return { ...row, token };
  });
}

/** Those that are open, newest first. @throws RoostError `not_found`, `forbidden`. */
export async function listInvites(db: Database, userId: string, teamId: string, page: PageRequest) {
  await requireRole(db, userId, teamId, "admin");
  return db
    .selectFrom("team_invites")
    .where("team_id", "=", teamId)
    .where("expires_at", ">", NOW)
    .where(afterCursor(page.after))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(page.limit)
    .select(COLUMNS)
    .execute();
}

/** Takes an invitation back. @throws RoostError `not_found`, `forbidden`. */
export async function removeInvite(db: Database, userId: string, teamId: string, id: string): Promise<void> {
  await requireRole(db, userId, teamId, "admin");
  const { numDeletedRows } = await db
    .deleteFrom("team_invites")
    .where("team_id", "=", teamId)
    .where("id", "=", id)
    .executeTakeFirst();
  if (numDeletedRows === 0n) throw new RoostError("not_found", "There is no such invitation.");
}

export interface Joined {
  readonly teamId: string;
  readonly role: TeamRole;
}

interface Invitee {
  readonly userId: string;
  readonly email: string;
}

/** @throws RoostError `not_found` for an invitation that is none, has ended, or is another's. */
export async function acceptInvite(db: Database, invitee: Invitee, token: string): Promise<Joined> {
  const joined = await db.transaction().execute((trx) => takeInvite(trx, token, invitee));
  if (!joined)
    throw new RoostError("not_found", "This invitation is not for your email, or has ended; ask for another.");
  return joined;
}

/** The team of an open invitation of this email's. */
export async function findInvite(db: Database, token: string, email: string): Promise<Joined | undefined> {
  const row = await db
    .selectFrom("team_invites")
    .where("token_hash", "=", hashToken(token))
    .where("email", "=", email)
    .where("expires_at", ">", NOW)
    .select(["team_id", "role"])
    .executeTakeFirst();
  return row && { teamId: row.team_id, role: row.role };
}

/** Makes the invited a member and ends the invitation; to be called in a transaction. Undefined when it is not open to them. */
export async function takeInvite(
  trx: DatabaseTransaction,
  token: string,
  invitee: Invitee,
): Promise<Joined | undefined> {
  const found = await findInvite(trx, token, invitee.email);
  if (!found) return undefined;
  await lockTeam(trx, found.teamId);
  const taken = await trx
    .deleteFrom("team_invites")
    .where("token_hash", "=", hashToken(token))
    .returning(["team_id", "role"])
    .executeTakeFirst();
  if (!taken) return undefined;
  await trx
    .insertInto("users_teams")
    .values({ user_id: invitee.userId, team_id: taken.team_id, role: taken.role })
    .onConflict((conflict) => conflict.columns(["user_id", "team_id"]).doNothing())
    .execute();
  return { teamId: taken.team_id, role: taken.role };
}

async function requireNoMember(trx: DatabaseTransaction, teamId: string, email: string): Promise<void> {
  const member = await trx
    .selectFrom("users_teams")
    .innerJoin("users", "users.id", "users_teams.user_id")
    .where("users_teams.team_id", "=", teamId)
    .where("users.email", "=", email)
    .select("users.id")
    .executeTakeFirst();
  if (member) throw new RoostError("conflict", "They are in the team already.");
}
