/** Teams: what sandboxes, snapshots and keys belong to. Each call names the user that asks; a team they are not in is not there. */
import { RoostError } from "@roost/protocol/errors";
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import type { PageRequest } from "../db/pages.ts";
import type { TeamRole } from "../db/tables.ts";
import { insertOwnTeam, normaliseEmail } from "../users/accounts.ts";
import { acceptInvite, createInvite, type Joined, listInvites, type NewInvite, removeInvite } from "./invites.ts";
import { changeRole, listMembers, removeMember } from "./members.ts";
import { lockTeamAs, noSuchTeam, requireRole } from "./roles.ts";

export { isAtLeast, TEAM_ROLES } from "./roles.ts";

export interface TeamsParts {
  readonly db: Database;
  /** How many teams one user may own: with more of them, limits of a team would be none. */
  readonly mostOwned: number;
}

export class Teams {
  readonly #db: Database;
  readonly #mostOwned: number;

  constructor({ db, mostOwned }: TeamsParts) {
    this.#db = db;
    this.#mostOwned = mostOwned;
  }

  /** The user's, newest first, each with the role that they have in it. */
  list(userId: string, { after, limit }: PageRequest) {
    const following =
      after && sql<boolean>`(teams.created_at, teams.id) < (${after.createdAt}::timestamptz, ${after.id}::text)`;
    return this.#ofUser(userId)
      .where(following ?? sql<boolean>`true`)
      .orderBy("teams.created_at", "desc")
      .orderBy("teams.id", "desc")
      .limit(limit)
      .execute();
  }

  /** @throws RoostError `not_found`. */
  async get(userId: string, teamId: string) {
    const team = await this.#ofUser(userId).where("teams.id", "=", teamId).executeTakeFirst();
    if (!team) throw noSuchTeam();
    return team;
  }

  /** @throws RoostError `limit_reached`. */
  async create(userId: string, name: string) {
    const teamId = await this.#db.transaction().execute(async (trx) => {
      // Of two that make a user's last team, one is the last.
      await trx.selectFrom("users").where("id", "=", userId).select("id").forNoKeyUpdate().execute();
      const owned = await trx
        .selectFrom("users_teams")
        .where("user_id", "=", userId)
        .where("role", "=", "owner")
        .select("team_id")
        .execute();
      if (this.#mostOwned > 0 && owned.length >= this.#mostOwned) {
        throw new RoostError("limit_reached", `You own ${owned.length} teams, and may own ${this.#mostOwned}.`);
      }
      return insertOwnTeam(trx, userId, name);
    });
    return this.get(userId, teamId);
  }

  /** @throws RoostError `not_found`, `forbidden`. */
  async rename(userId: string, teamId: string, name: string) {
    await this.#db.transaction().execute(async (trx) => {
      await lockTeamAs(trx, userId, teamId, "admin");
      await trx.updateTable("teams").set({ name }).where("id", "=", teamId).execute();
    });
    return this.get(userId, teamId);
  }

  /** @throws RoostError `not_found`, `forbidden`. */
  async requireRole(userId: string, teamId: string, least: TeamRole): Promise<void> {
    await requireRole(this.#db, userId, teamId, least);
  }

  members(userId: string, teamId: string, page: PageRequest) {
    return listMembers(this.#db, userId, teamId, page);
  }

  changeRole(userId: string, teamId: string, memberId: string, role: TeamRole) {
    return changeRole(this.#db, userId, teamId, memberId, role);
  }

  removeMember(userId: string, teamId: string, memberId: string): Promise<void> {
    return removeMember(this.#db, userId, teamId, memberId);
  }

  invite(userId: string, teamId: string, { email, role }: NewInvite) {
    return createInvite(this.#db, userId, teamId, { email: normaliseEmail(email), role });
  }

  invites(userId: string, teamId: string, page: PageRequest) {
    return listInvites(this.#db, userId, teamId, page);
  }

  removeInvite(userId: string, teamId: string, id: string): Promise<void> {
    return removeInvite(this.#db, userId, teamId, id);
  }

  async accept(invitee: { readonly userId: string; readonly email: string }, token: string) {
    const { teamId }: Joined = await acceptInvite(this.#db, invitee, token);
    return this.get(invitee.userId, teamId);
  }

  #ofUser(userId: string) {
    return this.#db
      .selectFrom("users_teams")
      .innerJoin("teams", "teams.id", "users_teams.team_id")
      .where("users_teams.user_id", "=", userId)
      .select(["teams.id", "teams.name", "teams.created_at", "users_teams.role"]);
  }
}
