/** People: signing up, logging in, and who is asking. */
import { RoostError } from "@roost/protocol/errors";
import { type Database, type DatabaseTransaction, lockForTransaction } from "../db/database.ts";
import type { TeamRole } from "../db/tables.ts";
import { findInvite, takeInvite } from "../teams/invites.ts";
import { type Account, firstTeamOf, insertAccount, insertOwnTeam, normaliseEmail, userByEmail } from "./accounts.ts";
import { changePassword } from "./password-change.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";

export type { Account } from "./accounts.ts";
export { createAdmin, listAdmins, setAdmin, setPassword } from "./admins.ts";
export { endAllSessions, rotateSessionKey, SessionKeys } from "./session-keys.ts";
export { SESSION_SEC, Sessions } from "./sessions.ts";

export type SignUpPolicy = "closed" | "invite" | "open";

/** Who a session stands for, as the rows have it now. */
export interface SessionHolder {
  readonly userId: string;
  readonly teamId: string;
  readonly email: string;
  readonly passwordVersion: number;
  readonly isAdmin: boolean;
  /** In the team that the session acts for. */
  readonly role: TeamRole;
  readonly isTeamOwner: boolean;
}

export interface Session extends Account {
  readonly token: string;
}

export interface SignUp {
  readonly email: string;
  readonly password: string;
  /** An invitation's token. */
  readonly invite: string | undefined;
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

  /**
   * With an invitation the session acts for the team that invited.
   * @throws RoostError `forbidden` when sign-up is closed, `not_found` (invitation), `conflict` when the email is taken.
   */
  async signUp(wanted: SignUp): Promise<Session> {
    const email = normaliseEmail(wanted.email);
    const invited = wanted.invite !== undefined && (await findInvite(this.#db, wanted.invite, email)) !== undefined;
    if (wanted.invite !== undefined && !invited) throw noSuchInvite();
    if (!this.#letsIn(invited) && (await hasUsers(this.#db))) throw this.#signUpClosed();
    // Before the transaction, which then holds its lock for an instant only.
    const passwordHash = await hashPassword(wanted.password);
    const account = await this.#db.transaction().execute(async (trx) => {
      if (!this.#letsIn(invited)) {
        // Of two first sign-ups at the same moment, one is the first.
        await lockForTransaction(trx, "first-sign-up");
        if (await hasUsers(trx)) throw this.#signUpClosed();
      }
      const made = await insertAccount(trx, { email, passwordHash, isAdmin: false });
      return wanted.invite === undefined ? made : joinInvited(trx, made, wanted.invite);
    });
    return this.#open(account, 1);
  }

  /** @throws RoostError `unauthorized`, the same and after the same work, whether the email or the password is wrong. */
  async logIn(email: string, password: string): Promise<Session> {
    const user = await userByEmail(this.#db, normaliseEmail(email));
    const right = await verifyPassword(password, user?.password_hash);
    if (!user || !right) throw new RoostError("unauthorized", "Email or password is wrong.");
    const teamId = (await firstTeamOf(this.#db, user.id)) ?? (await this.#giveTeam(user));
    return this.#open({ userId: user.id, teamId, email: user.email }, user.password_version);
  }

  /** A session of the same person for another of their teams. @throws RoostError `not_found`. */
  async switchTeam(holder: SessionHolder, teamId: string): Promise<Session> {
    const member = await this.#db
      .selectFrom("users_teams")
      .where("user_id", "=", holder.userId)
      .where("team_id", "=", teamId)
      .select("team_id")
      .executeTakeFirst();
    if (!member) throw new RoostError("not_found", "You are in no such team.");
    return this.#open({ userId: holder.userId, teamId, email: holder.email }, holder.passwordVersion);
  }

  /** Ends every session of this person, and opens a new one. @throws RoostError `forbidden`, `conflict`. */
  async changePassword(holder: SessionHolder, current: string, next: string): Promise<Session> {
    const version = await changePassword(this.#db, holder.userId, { current, next });
    return this.#open({ userId: holder.userId, teamId: holder.teamId, email: holder.email }, version);
  }

  /** The holder of a valid session token, of which all that it claims still holds; undefined otherwise. */
  async holderOf(token: string): Promise<SessionHolder | undefined> {
    const claims = await this.#sessions.read(token);
    if (!claims) return undefined;
    const { userId, teamId, passwordVersion } = claims;
    const row = await this.#db
      .selectFrom("users_teams")
      .innerJoin("users", "users.id", "users_teams.user_id")
      .where("users_teams.user_id", "=", userId)
      .where("users_teams.team_id", "=", teamId)
      .where("users.password_version", "=", passwordVersion)
      .where((eb) => eb.exists(eb.selectFrom("session_keys").where("kid", "=", claims.kid).select("kid")))
      .select(["users.is_admin", "users.email", "users_teams.role"])
      .executeTakeFirst();
    if (!row) return undefined;
    const { is_admin: isAdmin, email, role } = row;
    return { userId, teamId, passwordVersion, email, isAdmin, role, isTeamOwner: role === "owner" };
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

  #letsIn(invited: boolean): boolean {
    return this.#signUp === "open" || (this.#signUp === "invite" && invited);
  }

  #signUpClosed(): RoostError {
    const how =
      this.#signUp === "invite" ? "ask a team here for an invitation" : "ask who runs this Roost for an account";
    return new RoostError("forbidden", `Sign-up is closed here; ${how}.`);
  }

  /** Who was removed from the last of their teams gets one of their own. */
  #giveTeam(user: { readonly id: string; readonly email: string }): Promise<string> {
    return this.#db.transaction().execute(async (trx) => {
      await trx.selectFrom("users").where("id", "=", user.id).select("id").forUpdate().execute();
      return (await firstTeamOf(trx, user.id)) ?? (await insertOwnTeam(trx, user.id, user.email));
    });
  }

  async #open(account: Account, passwordVersion: number): Promise<Session> {
    return { ...account, token: await this.#sessions.open({ ...account, passwordVersion }) };
  }
}

async function joinInvited(trx: DatabaseTransaction, account: Account, token: string): Promise<Account> {
  const joined = await takeInvite(trx, token, account);
  // Taken back, or taken, since it was looked at.
  if (!joined) throw noSuchInvite();
  return { ...account, teamId: joined.teamId };
}

function noSuchInvite(): RoostError {
  return new RoostError("not_found", "This invitation is not for this email, or has ended; ask for another.");
}

async function hasUsers(db: Database): Promise<boolean> {
  return (await db.selectFrom("users").select("id").limit(1).executeTakeFirst()) !== undefined;
}
