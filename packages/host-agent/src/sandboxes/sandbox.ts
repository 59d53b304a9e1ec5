/**
 * What a sandbox is on its host.
 *
 *                create                 its machine ended
 *     (nothing) ───────→ starting → running ────────────→ error
 *         ↑                 │          │                    │
 *         │   failed: undone│          │ destroy            │ destroy
 *         ├─────────────────┘          ↓                    ↓
 *         └──────────────────────── stopping ←──────────────┘
 *
 * `starting`: steps of create.ts run; a failure undoes all of them. `destroy` cancels it and waits for the undoing.
 * `running`: a keeper holds its machine; the agent may come and go.
 * `error`: the machine has ended by itself (a crash, a reboot of the host, a power-off from inside). Its disk is kept, all else is freed.
 * `stopping`: steps of destroy.ts run. When one fails it stays `stopping`; destroying again goes on where it failed.
 */
import type { EnvdClient } from "../envd-client/envd-client.ts";
import type { Slot } from "../network/slots.ts";
import type { Machine } from "../vmm/vmm.ts";

export type SandboxState = "starting" | "running" | "stopping" | "error";

/** What was asked for. */
export interface SandboxSpec {
  readonly id: string;
  /** Name of a base image. */
  readonly template: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  /** The default environment of every process in it. */
  readonly env: Readonly<Record<string, string>>;
  /** False: its network leads nowhere, DNS included. */
  readonly internet: boolean;
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
}

/** What a running sandbox holds. */
export interface RunningSandbox {
  readonly machine: Machine;
  readonly envd: EnvdClient;
  readonly slot: Slot;
  readonly startedAt: Date;
}
