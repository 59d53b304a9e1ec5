/** The public face of `@roost/sdk`: a client for a Roost control plane, with no dependency but the web platform. */
export type { Account, OwnTeam } from "./account.ts";
export { type ApiKey, type ApiKeyOptions, type ApiKeyWire, apiKeyToWire, type NewApiKey } from "./api-keys.ts";
export type { Credentials, Session, SignUpOptions } from "./auth.ts";
export type { CallOptions } from "./call-options.ts";
export {
  RoostApiError,
  type RoostApiErrorDetails,
  RoostConnectionError,
  type RoostErrorCode,
  RoostProtocolError,
} from "./errors.ts";
export type { ExecOptions, ExecResult } from "./exec.ts";
export type { FileContent, FileOptions, SandboxFiles } from "./files.ts";
export { type Host, type HostStatus, type HostType, type HostVmm, type HostWire, hostToWire } from "./host-info.ts";
export type { NewHost, PendingHost } from "./hosts.ts";
export type { RetryLimits } from "./http/retry.ts";
export type { Timing } from "./http/timing.ts";
export { Roost, type RoostOptions } from "./roost.ts";
export type { LogsOptions, ResumeOptions, Sandbox, SandboxLogs } from "./sandbox.ts";
export { SANDBOX_STATUSES, type SandboxInfo, type SandboxStatus, type SandboxWire } from "./sandbox-info.ts";
export type { CreateOptions, ListSandboxes, NewSandbox } from "./sandboxes.ts";
export type { ListSnapshots, NewSnapshot } from "./snapshots.ts";
export {
  type Amount,
  type AuditEvent,
  auditEventToWire,
  inviteToWire,
  memberToWire,
  type NewTeamInvite,
  type Team,
  type TeamInvite,
  type TeamLimits,
  type TeamMember,
  type TeamRole,
  teamToWire,
} from "./team-info.ts";
export type { NewInvite } from "./teams.ts";
export { type Template, type TemplateType, type TemplateWire, templateToWire } from "./template-info.ts";
