/**
 * What a sandbox is on its host.
 *
 *                create                         its machine ended
 *     (nothing) ───────→ starting → running ─────────────────→ error
 *         ↑                 │        │   ↑ ↑                     │
 *         │   failed: undone│ pause  │   │ └── resuming ←────────┤ resume
 *         ├─────────────────┘        ↓   │        ↑ │            │
 *         │              pausing ────┤   │ resume │ │ failed     │
 *         │                  failed: └───┘        │ ↓ (as before)│
 *         │                  done: ─────────→ paused             │
 *         │                                       │              │ destroy, from any state
 *         └──────────── stopping ←────────────────┴──────────────┘
 *
 * `starting`: steps of create.ts run; a failure undoes all of them. `destroy` cancels it and waits for the undoing.
 * `running`: a keeper holds its machine; the agent may come and go.
 * `pausing`: steps of pause.ts run. Until its generation is durable, a failure lets it run on.
 * `paused`: its generation is on disk, and nothing of it is anywhere else.
 * `resuming`: steps of resume.ts run; a failure undoes all of them. `destroy` cancels it.
 * `error`: the machine has ended by itself (a crash, a reboot of the host, a power-off from inside). Its disk is kept, and its last
 * generation if it has one; all else is freed.
 * `stopping`: steps of destroy.ts run. When one fails it stays `stopping`; destroying again goes on where it failed.
 */
import type { EnvdClient } from "../envd-client/envd-client.ts";
import type { Slot } from "../network/slots.ts";
import type { Machine, VmmFingerprint } from "../vmm/vmm.ts";

export type SandboxState = "starting" | "running" | "pausing" | "paused" | "resuming" | "stopping" | "error";

/** What was asked for. */
export interface SandboxSpec {
  readonly id: string;
  /** Name of a base image or a snapshot. */
  readonly template: string;
  /** The snapshot to begin as; undefined: from the base image. Its own vCPUs and memory hold. */
  readonly snapshotId?: string | undefined;
  readonly vcpus: number;
  readonly memoryMb: number;
  /** The default environment of every process in it. */
  readonly env: Readonly<Record<string, string>>;
  /** False: its network leads nowhere, DNS included. */
  readonly internet: boolean;
  /** Unused for this long, it pauses itself. 0: never. */
  readonly timeoutSec: number;
}

/** What others are told. */
export interface SandboxInfo {
  readonly id: string;
  readonly state: SandboxState;
  /** Why it is in `error`, for a person. */
  readonly reason?: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly template: string;
  readonly guestIp?: string;
  readonly createdAt: Date;
  readonly startedAt?: Date;
  readonly lastActiveAt?: Date;
}

export interface SnapshotInfo {
  readonly id: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  /** Allocated on the disk. */
  readonly sizeBytes: number;
  readonly createdAt: Date;
}

/** What a running sandbox holds. */
export interface RunningSandbox {
  readonly machine: Machine;
  /** Of the VMM that runs it, which may be another than new machines get. */
  readonly vmm: VmmFingerprint;
  readonly envd: EnvdClient;
  readonly slot: Slot;
  readonly startedAt: Date;
  /** Folder of the generation that it was woken from; undefined: it booted, or an earlier agent has started it. */
  readonly wokenFrom?: string | undefined;
}
