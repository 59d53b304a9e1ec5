/** Platform admins, made on the control plane's machine only: whoever can read its database is trusted already. */
import { RoostError } from "@roost/protocol/errors";
import { type Database, lockForTransaction } from "../db/database.ts";
import { type Account, accountByEmail, insertAccount, normaliseEmail } from "./accounts.ts";
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
    const present = await accountByEmail(trx, normaliseEmail(email));
    if (!present) {
      const made = await insertAccount(trx, { email: normaliseEmail(email), passwordHash, isAdmin: true });
      return { ...made, created: true };
    }
    if (!present.is_admin) throw new RoostError("conflict", "This email belongs to an account that is no admin.");
    return { userId: present.userId, teamId: present.teamId, email: present.email, created: false };
  });
}

/** @throws RoostError `not_found` when nobody has this email. */
export async function setPassword(db: Database, email: string, password: string): Promise<Account> {
  const account = await accountByEmail(db, normaliseEmail(email));
  if (!account) throw new RoostError("not_found", "Nobody has an account with this email.");
  const password_hash = await hashPassword(password);
  await db.updateTable("users").set({ password_hash }).where("id", "=", account.userId).execute();
  return { userId: account.userId, teamId: account.teamId, email: account.email };
}
