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

/** What a running sandbox holds. */
export interface RunningSandbox {
  readonly machine: Machine;
  readonly envd: EnvdClient;
  readonly slot: Slot;
  readonly startedAt: Date;
}
