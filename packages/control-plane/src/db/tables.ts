/** The tables as Kysely sees them; `migrations/` is what makes them. */
import type { ColumnType, Generated, Insertable, Selectable } from "kysely";

/** Set by the database at insertion. */
type CreatedAt = ColumnType<Date, never, never>;

export type TeamRole = "owner" | "admin" | "member";
export type AuditOutcome = "begun" | "done" | "failed";
export type TemplateType = "base" | "snapshot";
export type HostType = "regular" | "byoc";
export type HostStatus = "pending" | "online" | "offline" | "draining" | "unreachable";
export type SandboxStatus =
  | "pending"
  | "starting"
  | "running"
  | "pausing"
  | "paused"
  | "resuming"
  | "stopping"
  | "stopped"
  | "missing"
  | "error";

interface UsersTable {
  id: string;
  email: string;
  password_hash: string;
  is_admin: Generated<boolean>;
  password_version: Generated<number>;
  created_at: CreatedAt;
}

interface TeamsTable {
  id: string;
  name: string;
  created_at: CreatedAt;
}

interface UsersTeamsTable {
  user_id: string;
  team_id: string;
  role: TeamRole;
  created_at: CreatedAt;
}

interface TeamApiKeysTable {
  id: string;
  team_id: string;
  name: string;
  key_hash: Buffer;
  key_prefix: string;
  created_by: string | null;
  created_at: CreatedAt;
  last_used: Date | null;
  expires_at: Date | null;
}

interface SessionKeysTable {
  kid: string;
  created_at: CreatedAt;
}

interface TeamInvitesTable {
  id: string;
  team_id: string;
  email: string;
  role: TeamRole;
  token_hash: Buffer;
  created_by: string | null;
  created_at: CreatedAt;
  expires_at: Date;
}

interface TeamLimitsTable {
  team_id: string;
  sandboxes: number | null;
  vcpus: number | null;
  memory_mb: number | null;
  snapshots: number | null;
  disk_mb: number | null;
}

interface AuditLogTable {
  id: string;
  team_id: string | null;
  user_id: string | null;
  key_id: string | null;
  actor: string;
  action: string;
  subject: string | null;
  outcome: AuditOutcome;
  details: ColumnType<Record<string, unknown>, string, string>;
  address: string | null;
  request_id: string | null;
  created_at: CreatedAt;
}

interface TemplatesTable {
  id: string;
  name: string;
  type: TemplateType;
  team_id: string | null;
  vcpus: number | null;
  memory_mb: number | null;
  size_bytes: number | null;
  created_at: CreatedAt;
}

interface TemplateHostsTable {
  template_id: string;
  host_id: string;
  created_at: CreatedAt;
}

interface HostsTable {
  id: string;
  type: HostType;
  team_id: string | null;
  provider: string | null;
  availability_zone: string | null;
  status: HostStatus;
  address: string | null;
  arch: string | null;
  cpu_cores: number | null;
  memory_mb: number | null;
  disk_gb: number | null;
  vmm_name: string | null;
  vmm_version: string | null;
  vmm_accelerator: string | null;
  disk_driver: string | null;
  last_heartbeat_at: Date | null;
  disk_free_mb: number | null;
  created_by: string | null;
  created_at: CreatedAt;
  updated_at: Generated<Date>;
}

interface HostTagsTable {
  host_id: string;
  tag: string;
}

interface HostTokensTable {
  id: ColumnType<number, never, never>;
  host_id: string;
  token_hash: Buffer;
  created_by: string | null;
  created_at: CreatedAt;
  expires_at: Date;
  used_at: Date | null;
}

interface HostRefreshTokensTable {
  id: ColumnType<number, never, never>;
  host_id: string;
  predecessor_id: number | null;
  token_hash: Buffer;
  created_at: CreatedAt;
  expires_at: Date;
  first_used_at: Date | null;
  revoked_at: Date | null;
  revoked_reason: "superseded" | "voided" | "stolen" | null;
}

interface CertificateAuthorityTable {
  singleton: Generated<boolean>;
  certificate_pem: string;
  encrypted_key: Buffer;
  created_at: CreatedAt;
}

interface SandboxesTable {
  id: string;
  team_id: string;
  status: SandboxStatus;
  template: string;
  template_id: string | null;
  vcpus: number;
  memory_mb: number;
  timeout_sec: number;
  internet: boolean;
  metadata: ColumnType<Record<string, string>, string, never>;
  host_id: string | null;
  guest_ip: string | null;
  error: string | null;
  created_at: CreatedAt;
  started_at: Date | null;
  last_active_at: Date | null;
  last_updated: Generated<Date>;
}

interface IdempotencyKeysTable {
  team_id: string;
  key: string;
  route: string;
  body_hash: Buffer;
  subject_id: string;
  status: number | null;
  answer: ColumnType<unknown, string | null, string | null>;
  created_at: CreatedAt;
  started_at: Generated<Date>;
}

export interface Tables {
  users: UsersTable;
  teams: TeamsTable;
  users_teams: UsersTeamsTable;
  team_api_keys: TeamApiKeysTable;
  session_keys: SessionKeysTable;
  team_invites: TeamInvitesTable;
  team_limits: TeamLimitsTable;
  audit_log: AuditLogTable;
  templates: TemplatesTable;
  template_hosts: TemplateHostsTable;
  hosts: HostsTable;
  host_tags: HostTagsTable;
  host_tokens: HostTokensTable;
  host_refresh_tokens: HostRefreshTokensTable;
  certificate_authority: CertificateAuthorityTable;
  sandboxes: SandboxesTable;
  idempotency_keys: IdempotencyKeysTable;
}

export type SandboxRow = Selectable<SandboxesTable>;
export type NewSandboxRow = Insertable<SandboxesTable>;
export type HostRow = Selectable<HostsTable>;
export type TemplateRow = Selectable<TemplatesTable>;
export type RefreshTokenRow = Selectable<HostRefreshTokensTable>;
export type ApiKeyRow = Selectable<TeamApiKeysTable>;
export type AuditRow = Selectable<AuditLogTable>;
export type TeamLimitsRow = Selectable<TeamLimitsTable>;
