/** Platform admins, made on the control plane's machine only: whoever can read its database is trusted already. */
import { RoostError } from "@roost/protocol/errors";
import { type Database, lockForTransaction } from "../db/database.ts";
import { type Account, firstTeamOf, insertAccount, insertOwnTeam, normaliseEmail, userByEmail } from "./accounts.ts";
import { replacePassword } from "./password-change.ts";
import { hashPassword } from "./passwords.ts";

export interface AdminAccount extends Account {
  /** False when the admin was there before; their password is then unchanged. */
  readonly created: boolean;
}

/**
 * Makes an admin with a default team, once: asked again for the same email, it gives back what is there.
 * @throws RoostError `conflict` when the email belongs to someone who is no admin.
 */
export async function createAdmin(db: Database, email: string, password: string): Promise<AdminAccount> {
  const passwordHash = await hashPassword(password);
  return db.transaction().execute(async (trx) => {
    await lockForTransaction(trx, "first-sign-up");
    const present = await userByEmail(trx, normaliseEmail(email));
    if (!present) {
      const made = await insertAccount(trx, { email: normaliseEmail(email), passwordHash, isAdmin: true });
      return { ...made, created: true };
    }
    if (!present.is_admin) throw new RoostError("conflict", "This email belongs to an account that is no admin.");
    const teamId = (await firstTeamOf(trx, present.id)) ?? (await insertOwnTeam(trx, present.id, present.email));
    return { userId: present.id, teamId, email: present.email, created: false };
  });
}

/** Ends all of the user's sessions, too. @throws RoostError `not_found` when nobody has this email. */
export async function setPassword(db: Database, email: string, password: string): Promise<Omit<Account, "teamId">> {
  const user = await requireUser(db, email);
  const passwordHash = await hashPassword(password);
  await replacePassword(db, user.id, passwordHash);
  return { userId: user.id, email: user.email };
}

/** Makes someone who has an account a platform admin, or takes that back. @throws RoostError `not_found`. */
export async function setAdmin(db: Database, email: string, isAdmin: boolean): Promise<Omit<Account, "teamId">> {
  const user = await requireUser(db, email);
  await db.updateTable("users").set({ is_admin: isAdmin }).where("id", "=", user.id).execute();
  return { userId: user.id, email: user.email };
}

/** All platform admins, by email. */
export async function listAdmins(db: Database): Promise<Omit<Account, "teamId">[]> {
  const rows = await db
    .selectFrom("users")
    .where("is_admin", "=", true)
    .orderBy("email")
    .select(["id", "email"])
    .execute();
  return rows.map(({ id, email }) => ({ userId: id, email }));
}

async function requireUser(db: Database, email: string) {
  const user = await userByEmail(db, normaliseEmail(email));
  if (!user) throw new RoostError("not_found", "Nobody has an account with this email.");
  return user;
}
