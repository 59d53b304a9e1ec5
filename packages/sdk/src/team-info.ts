/** Teams, who is in them and what was changed in them: as this package names the facts, and from what the REST API writes. */
import type * as wire from "./gen/wire.ts";

export type TeamRole = wire.Team["role"];

export interface Team {
  readonly id: string;
  readonly name: string;
  /** Of the one who asks. */
  readonly role: TeamRole;
  readonly createdAt: Date;
}

export interface TeamMember {
  /** The user's. */
  readonly id: string;
  readonly email: string;
  readonly role: TeamRole;
  /** When they came to the team. */
  readonly createdAt: Date;
}

export interface TeamInvite {
  readonly id: string;
  readonly teamId: string;
  readonly email: string;
  readonly role: TeamRole;
  readonly createdBy: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export interface NewTeamInvite extends TeamInvite {
  /** To be passed on to the invited; the server shows it only this once. */
  readonly token: string;
}

export interface AuditEvent {
  readonly id: string;
  readonly at: Date;
  /** An email, or a key's name, as it was then. */
  readonly actor: string;
  readonly userId: string | null;
  readonly keyId: string | null;
  readonly action: string;
  readonly subject: string | null;
  /** `begun`: its end was not seen. */
  readonly outcome: wire.AuditEvent["outcome"];
  readonly details: Readonly<Record<string, unknown>>;
  /** Where from. */
  readonly address: string | null;
  readonly requestId: string | null;
}

/** What a team may have, and has; a limit of null is none. */
export interface TeamLimits {
  readonly sandboxes: Amount;
  readonly vcpus: Amount;
  readonly memoryMb: Amount;
  readonly snapshots: Amount;
  readonly diskMb: Amount;
}

export interface Amount {
  readonly used: number;
  readonly limit: number | null;
}

export function teamFromWire({ id, name, role, created_at }: wire.Team): Team {
  return { id, name, role, createdAt: new Date(created_at) };
}

export function teamToWire({ id, name, role, createdAt }: Team): wire.Team {
  return { id, name, role, created_at: createdAt.toISOString() };
}

export function memberFromWire({ id, email, role, created_at }: wire.TeamMember): TeamMember {
  return { id, email, role, createdAt: new Date(created_at) };
}

export function memberToWire({ id, email, role, createdAt }: TeamMember): wire.TeamMember {
  return { id, email, role, created_at: createdAt.toISOString() };
}

export function inviteFromWire(invite: wire.TeamInvite): TeamInvite {
  const { id, team_id: teamId, email, role, created_by: createdBy, created_at, expires_at } = invite;
  return { id, teamId, email, role, createdBy, createdAt: new Date(created_at), expiresAt: new Date(expires_at) };
}

export function inviteToWire(invite: TeamInvite): wire.TeamInvite {
  const { id, teamId: team_id, email, role, createdBy: created_by, createdAt, expiresAt } = invite;
  const times = { created_at: createdAt.toISOString(), expires_at: expiresAt.toISOString() };
  return { id, team_id, email, role, created_by, ...times };
}

export function auditEventFromWire(event: wire.AuditEvent): AuditEvent {
  const { at, user_id: userId, key_id: keyId, request_id: requestId, ...same } = event;
  return { ...same, at: new Date(at), userId, keyId, requestId };
}

export function auditEventToWire(event: AuditEvent): wire.AuditEvent {
  const { at, userId: user_id, keyId: key_id, requestId: request_id, ...same } = event;
  return { ...same, at: at.toISOString(), user_id, key_id, request_id };
}

export function limitsFromWire(limits: wire.Routes["GET /v1/limits"]["answer"]): TeamLimits {
  const { sandboxes, vcpus, memory_mb: memoryMb, snapshots, disk_mb: diskMb } = limits;
  return { sandboxes, vcpus, memoryMb, snapshots, diskMb };
}
