/** Making an account: a user and their default team, both or neither. */
import { randomBytes } from "node:crypto";
import { RoostError } from "@roost/protocol/errors";
import { newId } from "@roost/protocol/ids";
import { violatesUnique } from "../db/constraints.ts";
import type { Database, DatabaseTransaction } from "../db/database.ts";

export interface Account {
  readonly userId: string;
  readonly teamId: string;
  readonly email: string;
}

export interface NewAccount {
  readonly email: string;
  readonly passwordHash: string;
  readonly isAdmin: boolean;
}

/** Emails name people, however they are capitalised. */
export function normaliseEmail(email: string): string {
  return email.trim().toLowerCase();
}

export function userByEmail(db: Database, email: string) {
  return db
    .selectFrom("users")
    .where("email", "=", email)
    .select(["id", "email", "password_hash", "password_version", "is_admin"])
    .executeTakeFirst();
}

/** The team that a user came first to: the one a session opens with. Undefined when they are in none. */
export async function firstTeamOf(db: Database, userId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("users_teams")
    .where("user_id", "=", userId)
    .orderBy("created_at")
    .orderBy("team_id")
    .limit(1)
    .select("team_id")
    .executeTakeFirst();
  return row?.team_id;
}

/**
 * Inserts user, team and membership; to be called in a transaction.
 * @throws RoostError `conflict` when the email has an account, also one made at this very moment.
 */
export async function insertAccount(trx: DatabaseTransaction, account: NewAccount): Promise<Account> {
  const userId = newId("user", randomBytes);
  const { email } = account;
  try {
    await trx
      .insertInto("users")
      .values({ id: userId, email, password_hash: account.passwordHash, is_admin: account.isAdmin })
      .execute();
  } catch (error) {
    if (!violatesUnique(error, "users_email_taken")) throw error;
    throw new RoostError("conflict", "This email has an account already; log in instead.", { cause: error });
  }
  return { userId, teamId: await insertOwnTeam(trx, userId, email), email };
}

/** A team of which this user is the owner; to be called in a transaction. */
export async function insertOwnTeam(trx: DatabaseTransaction, userId: string, name: string): Promise<string> {
  const teamId = newId("team", randomBytes);
  await trx.insertInto("teams").values({ id: teamId, name }).execute();
  await trx.insertInto("users_teams").values({ user_id: userId, team_id: teamId, role: "owner" }).execute();
  return teamId;
}
