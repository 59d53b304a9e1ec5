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

/** The user with the team they came first to: the one a session opens with. */
export function accountByEmail(db: Database, email: string) {
  return db
    .selectFrom("users")
    .innerJoin("users_teams", "users_teams.user_id", "users.id")
    .where("users.email", "=", email)
    .orderBy("users_teams.created_at")
    .orderBy("users_teams.team_id")
    .select([
      "users.id as userId",
      "users_teams.team_id as teamId",
      "users.password_hash",
      "users.is_admin",
      "users.email",
    ])
    .limit(1)
    .executeTakeFirst();
}

/**
 * Inserts user, team and membership; to be called in a transaction.
 * @throws RoostError `conflict` when the email has an account, also one made at this very moment.
 */
export async function insertAccount(trx: DatabaseTransaction, account: NewAccount): Promise<Account> {
  const userId = newId("user", randomBytes);
  const teamId = newId("team", randomBytes);
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
  await trx.insertInto("teams").values({ id: teamId, name: email }).execute();
  await trx.insertInto("users_teams").values({ user_id: userId, team_id: teamId, role: "owner" }).execute();
  return { userId, teamId, email };
}
