/** Another password for an account. Sessions that were opened with an earlier one are over with the row's change. */
import { RoostError } from "@roost/protocol/errors";
import type { Database } from "../db/database.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";

/**
 * @returns the version that the new password has.
 * @throws RoostError `forbidden` when the current password is another; `conflict` when it was changed at this very moment.
 */
export async function changePassword(
  db: Database,
  userId: string,
  passwords: { readonly current: string; readonly next: string },
): Promise<number> {
  const user = await db
    .selectFrom("users")
    .where("id", "=", userId)
    .select(["password_hash", "password_version"])
    .executeTakeFirst();
  if (!(await verifyPassword(passwords.current, user?.password_hash)) || !user) {
    throw new RoostError("forbidden", "The current password is another.");
  }
  const password_hash = await hashPassword(passwords.next);
  const changed = await db
    .updateTable("users")
    .set({ password_hash, password_version: user.password_version + 1 })
    .where("id", "=", userId)
    .where("password_version", "=", user.password_version)
    .executeTakeFirst();
  if (changed.numUpdatedRows === 0n) throw new RoostError("conflict", "The password was changed at this very moment.");
  return user.password_version + 1;
}

/** By whoever may set it without knowing the one before. */
export async function replacePassword(db: Database, userId: string, passwordHash: string): Promise<void> {
  await db
    .updateTable("users")
    .set((eb) => ({ password_hash: passwordHash, password_version: eb("password_version", "+", 1) }))
    .where("id", "=", userId)
    .execute();
}
