/**
 * What the RPC service needs of the sandboxes of this host; `sandboxes/sandboxes.ts` keeps it.
 *
 * Every method throws RoostErrors only for what a caller can act on; anything else is a fault of the agent and is told to nobody
 * but its log. Ids are checked before they come here.
 */
import type { ExecRequest, ExecResult, FileContent } from "../envd-client/envd-client.ts";
import type { GuestUse } from "../sandboxes/guest-uses.ts";
import type { ResumeMode } from "../sandboxes/resume.ts";
import type { SandboxInfo, SandboxSpec, SnapshotInfo } from "../sandboxes/sandbox.ts";
import type { Leave } from "../sandboxes/sandboxes.ts";

export type { ExecRequest, ExecResult, FileContent } from "../envd-client/envd-client.ts";
export type { GuestUse } from "../sandboxes/guest-uses.ts";
export type { ResumeMode } from "../sandboxes/resume.ts";
export type { SandboxInfo, SandboxSpec, SnapshotInfo } from "../sandboxes/sandbox.ts";
export type { Leave } from "../sandboxes/sandboxes.ts";

export interface HostSandboxes {
  /** Resolves when it takes commands. For an id that is here already: what it is now. @throws `not_found`, `no_capacity`, … */
  create(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxInfo>;
  /** Idempotent; waits for a step that runs. Never cut short by its caller. */
  destroy(id: string): Promise<void>;
  list(): SandboxInfo[];
  /** @throws `not_found`, `not_running`, `conflict`, `disk_full`; it runs on then, unless it says otherwise. */
  pause(id: string): Promise<SandboxInfo>;
  /** @throws `not_found`, `not_paused`, `conflict`, `no_capacity`, …; it is as it was then. */
  resume(id: string, mode: ResumeMode, signal: AbortSignal): Promise<SandboxInfo>;
  /** @throws `not_found`, `not_running` */
  ping(id: string): void;
  /** @throws `not_found`, `not_paused`, `conflict`, … */
  snapshot(
    id: string,
    snapshotId: string,
    leave: Leave,
    signal: AbortSignal,
  ): Promise<{ snapshot: SnapshotInfo; sandbox: SandboxInfo }>;
  /** Idempotent. */
  deleteSnapshot(snapshotId: string): Promise<void>;
  listSnapshots(): Promise<SnapshotInfo[]>;
  /** The last `limitBytes` of each log. @throws `not_found` */
  logs(id: string, limitBytes: number): Promise<{ console: Buffer; vmm: Buffer }>;
  /** @throws `not_found`, `not_running`, `invalid_request`, `host_failed` */
  exec(id: string, request: ExecRequest, signal: AbortSignal): Promise<ExecResult>;
  /** Answers with the size. An error of `chunks` leaves no file. */
  writeFile(
    id: string,
    path: string,
    user: string,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<number>;
  readFile(id: string, path: string, user: string, signal: AbortSignal): Promise<FileContent>;
  /** The guest itself, in use until it is disposed of. @throws `not_found`, `not_running` */
  guest(id: string): GuestUse;
}
