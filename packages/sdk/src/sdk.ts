/** The public face of `@roost/sdk`: a client for a Roost control plane, on the web platform. */
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
export type { Execution } from "./execution.ts";
export { type FileEntry, type FileEntryWire, fileEntryToWire } from "./file-entry.ts";
export type { FileContent, FileOptions, ListFilesOptions, SandboxFiles } from "./files.ts";
export { type Host, type HostStatus, type HostType, type HostVmm, type HostWire, hostToWire } from "./host-info.ts";
export type { NewHost, PendingHost } from "./hosts.ts";
export type { RetryLimits } from "./http/retry.ts";
export type { Timing } from "./http/timing.ts";
export type { SandboxProcess, SandboxProcesses } from "./processes.ts";
export { Roost, type RoostOptions } from "./roost.ts";
export type { LogsOptions, ResumeOptions, Sandbox, SandboxLogs } from "./sandbox.ts";
export { SANDBOX_STATUSES, type SandboxInfo, type SandboxStatus, type SandboxWire } from "./sandbox-info.ts";
export type { CreateOptions, ListSandboxes, NewSandbox } from "./sandboxes.ts";
export type { ProcessName, SignalName } from "./signals.ts";
export type { ListSnapshots, NewSnapshot } from "./snapshots.ts";
export type { AttachOptions, Command, StartOptions } from "./streams/command.ts";
export type { FileChange, WatchOptions } from "./streams/file-watch.ts";
export type { OutputChunk } from "./streams/output-chunk.ts";
export type { StandardInput } from "./streams/standard-input.ts";
export type { AttachPtyOptions, PtyOptions, Terminal, TerminalSize } from "./streams/terminal.ts";
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
