/** Teams and who is in them, as answers show them. */
import { idPattern } from "@roost/protocol/ids";
import { type Static, Type } from "typebox";
import type { AuditOutcome, AuditRow, TeamRole } from "../../db/tables.ts";
import { TEAM_ROLES } from "../../teams/teams.ts";
import { Choice } from "./choice.ts";
import { Nullable, Time } from "./text.ts";

export const Role = (options: { default?: TeamRole; description?: string } = {}) => Choice(TEAM_ROLES, options);

export const Team = Type.Object(
  {
    id: Type.String({ pattern: idPattern("team") }),
    name: Type.String(),
    role: Role({ description: "Of the one who asks." }),
    created_at: Time(),
  },
  { $id: "Team", description: "A team: what sandboxes, snapshots and keys belong to." },
);

interface TeamOfUser {
  readonly id: string;
  readonly name: string;
  readonly role: TeamRole;
  readonly created_at: Date;
}

export function showTeam({ id, name, role, created_at }: TeamOfUser): Static<typeof Team> {
  return { id, name, role, created_at: created_at.toISOString() };
}

export const TeamMember = Type.Object(
  {
    id: Type.String({ pattern: idPattern("user") }),
    email: Type.String(),
    role: Role(),
    created_at: Time({ description: "When they came to the team." }),
  },
  { $id: "TeamMember", description: "Someone in a team." },
);

interface Member {
  readonly id: string;
  readonly email: string;
  readonly role: TeamRole;
  readonly created_at: Date;
}

export function showMember({ id, email, role, created_at }: Member): Static<typeof TeamMember> {
  return { id, email, role, created_at: created_at.toISOString() };
}

const INVITE_FIELDS = {
  id: Type.String({ pattern: idPattern("invite") }),
  team_id: Type.String(),
  email: Type.String(),
  role: Role(),
  created_by: Nullable(Type.String()),
  created_at: Time(),
  expires_at: Time(),
};

export const TeamInvite = Type.Object(INVITE_FIELDS, {
  $id: "TeamInvite",
  description: "An invitation: lets one email into a team.",
});

export const NewTeamInvite = Type.Object(
  { ...INVITE_FIELDS, token: Type.String({ description: "To be passed on to the invited. Shown here only." }) },
  { description: "The new invitation." },
);

type InviteTimes = { readonly created_at: Date; readonly expires_at: Date };

export function showInvite<T extends InviteTimes>(row: T) {
  return { ...row, created_at: row.created_at.toISOString(), expires_at: row.expires_at.toISOString() };
}

const AUDIT_OUTCOMES: readonly AuditOutcome[] = ["begun", "done", "failed"];

export const AuditEvent = Type.Object(
  {
    id: Type.String({ pattern: idPattern("event") }),
    at: Time(),
    actor: Type.String({ description: "An email, or a key's name, as it was then." }),
    user_id: Nullable(Type.String()),
    key_id: Nullable(Type.String()),
    action: Type.String({ description: "Such as `api-key.create`." }),
    subject: Nullable(Type.String({ description: "The id of what was changed." })),
    outcome: Choice(AUDIT_OUTCOMES, { description: "`begun`: its end was not seen." }),
    details: Type.Record(Type.String(), Type.Unknown()),
    address: Nullable(Type.String({ description: "Where from." })),
    request_id: Nullable(Type.String()),
  },
  { $id: "AuditEvent", description: "A change: who, what, when, from where." },
);

export function showEvent(row: AuditRow): Static<typeof AuditEvent> {
  const { id, actor, user_id, key_id, action, subject, outcome, details, address, request_id } = row;
  const at = row.created_at.toISOString();
  return { id, at, actor, user_id, key_id, action, subject, outcome, details, address, request_id };
}

export const TeamRef = Type.Unsafe<Static<typeof Team>>({ $ref: "Team#" });
export const TeamMemberRef = Type.Unsafe<Static<typeof TeamMember>>({ $ref: "TeamMember#" });
export const TeamInviteRef = Type.Unsafe<Static<typeof TeamInvite>>({ $ref: "TeamInvite#" });
export const AuditEventRef = Type.Unsafe<Static<typeof AuditEvent>>({ $ref: "AuditEvent#" });
