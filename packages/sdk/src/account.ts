/** Who a session belongs to, and the teams they are in. */
import type { Routes } from "./gen/wire.ts";
import type { TeamRole } from "./team-info.ts";

export interface Account {
  readonly userId: string;
  readonly email: string;
  /** Of the whole installation. */
  readonly admin: boolean;
  readonly createdAt: Date;
  /** The team that this session acts for. */
  readonly teamId: string;
  readonly teams: readonly OwnTeam[];
}

export interface OwnTeam {
  readonly id: string;
  readonly name: string;
  readonly role: TeamRole;
}

/** As in the REST contract. */
export type AccountWire = Routes["GET /v1/me"]["answer"];

export function accountFromWire(wire: AccountWire): Account {
  return {
    userId: wire.user.id,
    email: wire.user.email,
    admin: wire.user.is_admin,
    createdAt: new Date(wire.user.created_at),
    teamId: wire.team_id,
    teams: wire.teams,
  };
}
