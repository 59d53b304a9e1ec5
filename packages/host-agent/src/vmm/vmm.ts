/**
 * A VMM driver: how a machine is started, found again and ended. One driver per program (`qemu`; `firecracker` to come); every
 * one passes the shared suite.
 *
 * Contract:
 * - `start` is all or nothing: after an error no process, socket or file of it remains in the folders it was given;
 * - a machine outlives the agent; `adopt` finds it by its keeper's socket;
 * - `stop` is forceful and final, waits until the process is gone, and is idempotent. It asks nothing of the VMM itself.
 */
import type { AttachedDisk } from "../disk/root-disk.ts";
import type { KeeperStats } from "../keeper/keeper.ts";
import type { VmmExit } from "../keeper/keeper-config.ts";
import type { Slot } from "../network/slots.ts";

export interface VmmDescription {
  readonly name: "qemu" | "firecracker";
  readonly version: string;
  readonly accelerator: "kvm" | "tcg";
}

/** Everything a machine is made of. Folders exist already and belong to the sandbox. */
export interface MachineSpec {
  readonly sandboxId: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly disk: AttachedDisk;
  readonly slot: Slot;
  /** User and group that the VMM runs as. */
  readonly uid: number;
  /** `cgroup.procs` files that it enters. */
  readonly cgroupProcs: readonly string[];
  readonly folders: MachineFolders;
}

export interface MachineFolders {
  /** On /run: the keeper's socket and exit file; its subfolder `vm` is what the VMM sees as /vm. */
  readonly run: string;
  /** On disk: logs. */
  readonly data: string;
}

/** How a machine came to its end, in words a person can read. */
export interface MachineEnd {
  readonly reason: string;
  readonly exit: VmmExit | undefined;
}

export interface Machine extends Disposable {
  /** Settles when the machine has ended for whatever cause; never rejects. Stays pending once the machine was let go. */
  readonly ended: Promise<MachineEnd>;
  readonly pids: { readonly keeper: number; readonly vmm: number };
  stats(): Promise<KeeperStats>;
  /** Lets go of it without ending it: the agent stops, the machine does not. */
  [Symbol.dispose](): void;
}

export interface Vmm {
  readonly description: VmmDescription;
  /** Host memory a machine takes beyond its guest's, at most; for admission and the cgroup's limit. */
  readonly overheadMb: number;
  /** @throws RoostError `internal`, with what the VMM or the keeper said. */
  start(spec: MachineSpec, signal: AbortSignal): Promise<Machine>;
  /** The machine whose keeper answers in this folder; `undefined` when none does. */
  adopt(folders: MachineFolders): Promise<Machine | undefined>;
  /** Ends the machine whose keeper answers in this folder, if one does, whoever started it. */
  stop(folders: MachineFolders): Promise<void>;
  /** How the machine of this folder, which `adopt` did not find, has ended: from what its keeper left behind. */
  readEnd(folders: MachineFolders): Promise<MachineEnd>;
}
