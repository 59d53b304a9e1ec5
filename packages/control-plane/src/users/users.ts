/** People: signing up, logging in, and who is asking. */
import { RoostError } from "@roost/protocol/errors";
import { type Database, lockForTransaction } from "../db/database.ts";
import { type Account, accountByEmail, insertAccount, normaliseEmail } from "./accounts.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";

export type { Account } from "./accounts.ts";
export { createAdmin, setPassword } from "./admins.ts";
export { SESSION_SEC, Sessions } from "./sessions.ts";

export type SignUpPolicy = "closed" | "invite" | "open";

/** Who a session stands for, as the rows have it now. */
export interface SessionHolder {
  readonly userId: string;
  readonly teamId: string;
  readonly isAdmin: boolean;
  readonly isTeamOwner: boolean;
}

export interface Session extends Account {
  readonly token: string;
}

export interface UsersParts {
  readonly db: Database;
  readonly sessions: Sessions;
  readonly signUp: SignUpPolicy;
}

export class Users {
  readonly #db: Database;
  readonly #sessions: Sessions;
  readonly #signUp: SignUpPolicy;

  constructor(parts: UsersParts) {
    this.#db = parts.db;
    this.#sessions = parts.sessions;
    this.#signUp = parts.signUp;
  }

  /** @throws RoostError `forbidden` when sign-up is closed, `conflict` when the email is taken. */
  async signUp(email: string, password: string): Promise<Session> {
    if (this.#signUp !== "open" && (await hasUsers(this.#db))) throw signUpClosed();
    // Before the transaction, which then holds its lock for an instant only.
    const passwordHash = await hashPassword(password);
    const account = await this.#db.transaction().execute(async (trx) => {
      if (this.#signUp !== "open") {
        // Of two first sign-ups at the same moment, one is the first.
        await lockForTransaction(trx, "first-sign-up");
        if (await hasUsers(trx)) throw signUpClosed();
      }
      return insertAccount(trx, { email: normaliseEmail(email), passwordHash, isAdmin: false });
    });
    return this.#open(account);
  }

  /** @throws RoostError `unauthorized`, the same and after the same work, whether the email or the password is wrong. */
  async logIn(email: string, password: string): Promise<Session> {
    const account = await accountByEmail(this.#db, normaliseEmail(email));
    const right = await verifyPassword(password, account?.password_hash);
    if (!account || !right) throw new RoostError("unauthorized", "Email or password is wrong.");
    return this.#open({ userId: account.userId, teamId: account.teamId, email: account.email });
  }

  /** The holder of a valid session token whose user and team still belong together; undefined otherwise. */
  async holderOf(token: string): Promise<SessionHolder | undefined> {
    const claims = await this.#sessions.read(token);
    if (!claims) return undefined;
    const row = await this.#db
      .selectFrom("users_teams")
      .innerJoin("users", "users.id", "users_teams.user_id")
      .where("users_teams.user_id", "=", claims.userId)
      .where("users_teams.team_id", "=", claims.teamId)
      .select(["users.is_admin", "users_teams.role"])
      .executeTakeFirst();
    return row && { ...claims, isAdmin: row.is_admin, isTeamOwner: row.role === "owner" };
  }

  /** The user and their teams. */
  async profile(userId: string) {
    const user = await this.#db
      .selectFrom("users")
      .where("id", "=", userId)
      .select(["id", "email", "is_admin", "created_at"])
      .executeTakeFirst();
    if (!user) throw new RoostError("unauthorized", "This account is gone.");
    const teams = await this.#db
      .selectFrom("users_teams")
      .innerJoin("teams", "teams.id", "users_teams.team_id")
      .where("users_teams.user_id", "=", userId)
      .orderBy("users_teams.created_at")
      .orderBy("teams.id")
      .select(["teams.id", "teams.name", "users_teams.role"])
      .execute();
    return { user, teams };
  }

  async #open(account: Account): Promise<Session> {
    return { ...account, token: await this.#sessions.open(account) };
  }
}

async function hasUsers(db: Database): Promise<boolean> {
  return (await db.selectFrom("users").select("id").limit(1).executeTakeFirst()) !== undefined;
}

function signUpClosed(): RoostError {
  return new RoostError("forbidden", "Sign-up is closed here; ask who runs this Roost for an account.");
}
