/** Who a session belongs to, and the teams they are in. */
export interface Account {
  readonly userId: string;
  readonly email: string;
  /** Of the whole installation. */
  readonly admin: boolean;
  readonly createdAt: Date;
  /** The team that this session acts for. */
  readonly teamId: string;
  readonly teams: readonly Team[];
}

export interface Team {
  readonly id: string;
  readonly name: string;
  readonly role: "owner" | "admin" | "member";
}

/** As in the REST contract. */
export interface AccountWire {
  readonly user: {
    readonly id: string;
    readonly email: string;
    readonly is_admin: boolean;
    readonly created_at: string;
  };
  readonly team_id: string;
  readonly teams: readonly Team[];
}

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
