/**
 * A VMM driver: how a machine is started, frozen, found again and ended. One driver per program (`qemu`; `firecracker` to come); every
 * one passes the shared suite.
 *
 * Contract:
 * - `start` is all or nothing: after an error no process, socket or file of it remains in the folders it was given;
 * - a machine outlives the agent; `adopt` finds it by its keeper's socket;
 * - `freeze` changes nothing of the machine but that it stands still; `thaw` lets it go on, also after a freeze that failed;
 * - `stop` is forceful and final, waits until the process is gone, and is idempotent. It asks nothing of the VMM itself.
 */
import type { AttachedDisk } from "../disk/root-disk.ts";
import type { KeeperStats } from "../keeper/keeper.ts";
import type { SavedMachine, VmmExit } from "../keeper/keeper-config.ts";
import type { Slot } from "../network/slots.ts";

export interface VmmDescription {
  readonly name: "qemu" | "firecracker";
  readonly version: string;
  readonly accelerator: "kvm" | "tcg";
}

/** What a frozen machine's device state depends on beside its version: another value, and it cannot be restored. */
export interface VmmFingerprint extends VmmDescription {
  /** Machine type and devices, as one word that changes with them. */
  readonly machine: string;
  readonly cpu: string;
  /** Under TCG: the rate at which the guest was told that its clock counts, in kHz. */
  readonly tscKhz: number | null;
}

/** How guest memory is provided: mapped from the layers' files, or copied in by the keeper as it is touched. */
export type MemoryMode = "mapped" | "paged";

export interface MachineMemory {
  readonly mode: MemoryMode;
  /** Folder of the generation to wake; undefined: the machine boots. */
  readonly from: string | undefined;
  /** Belongs to the VMM's user; what is frozen is written there. */
  readonly saveFolder: string;
}

/** Everything a machine is made of. Folders exist already and belong to the sandbox. */
export interface MachineSpec {
  readonly sandboxId: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly memory: MachineMemory;
  /** The version that froze what is to wake; undefined: that of `description`. */
  readonly vmmVersion?: string | undefined;
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
  /**
   * Stops the vCPUs, flushes the disk, and writes device state and memory to `<saveFolder>/<name>/`.
   * @throws RoostError `disk_full`, `internal`; the machine stands still then, too, and nothing is left in the folder.
   */
  freeze(name: string, generation: number): Promise<SavedMachine>;
  /** Lets the vCPUs run. */
  thaw(): Promise<void>;
  /** Writes `<saveFolder>/working-set`: the memory that the guest has used since it was started. */
  recordWorkingSet(): Promise<void>;
  /** Lets go of it without ending it: the agent stops, the machine does not. */
  [Symbol.dispose](): void;
}

export interface Vmm {
  readonly description: VmmDescription;
  /** Of the machines that `start` makes now. */
  readonly fingerprint: VmmFingerprint;
  /** Of the guests that `start` boots now. */
  readonly kernelVersion: string;
  /** Changes with the kernel or the initramfs that `start` boots guests from. */
  bootIdentity(): Promise<string>;
  /** Host memory a machine takes beyond its guest's, at most; for admission and the cgroup's limit. */
  readonly overheadMb: number;
  /** Why a machine with this fingerprint cannot be woken here, for a person; `undefined` when it can. */
  cannotWake(fingerprint: VmmFingerprint): Promise<string | undefined>;
  /**
   * A machine that boots; or one that is as its generation was, and stands still until `thaw`.
   * @throws RoostError `internal`, with what the VMM or the keeper said.
   */
  start(spec: MachineSpec, signal: AbortSignal): Promise<Machine>;
  /** The machine whose keeper answers in this folder; `undefined` when none does. */
  adopt(folders: MachineFolders): Promise<Machine | undefined>;
  /** Ends the machine whose keeper answers in this folder, if one does, whoever started it. */
  stop(folders: MachineFolders): Promise<void>;
  /** How the machine of this folder, which `adopt` did not find, has ended: from what its keeper left behind. */
  readEnd(folders: MachineFolders): Promise<MachineEnd>;
}
