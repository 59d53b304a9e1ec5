/**
 * Whether this host can take one more sandbox: it counts what sandboxes have reserved, not what they happen to use. The host has
 * the last word; a refusal sends the control plane to the next one.
 *
 * Memory is never promised twice: a guest may touch all of its own at any moment. CPUs are, because sandboxes wait most of the time and
 * each is held to its share by its control group.
 */
import { RoostError } from "@roost/protocol/errors";

export interface Demand {
  readonly vcpus: number;
  readonly memoryMb: number;
  /**
   * Makes it one that takes only what nobody needs: called, at least once, when a sandbox needs the room. It is not waited for: its machine
   * has ended long before the guest that takes its place has touched the memory.
   */
  readonly giveWay?: (() => void) | undefined;
}

/** What heartbeats tell of a host. */
export interface Load {
  readonly sandboxes: number;
  readonly vcpus: number;
  readonly memory_mb: number;
  readonly disk_free_mb: number;
}

export interface AdmissionOptions {
  /** Memory that sandboxes may have in all: the machine's, less what the host keeps for itself (`memoryForSandboxes`). */
  readonly memoryMb: number;
  /** What a sandbox takes beside its guest's memory: its VMM's and its keeper's. */
  readonly overheadMb: number;
  readonly cpuCores: number;
  /** Network slots. */
  readonly slots: number;
  /** Free space where the sandboxes' disks are, now. */
  readonly diskFreeMb: () => number;
}

/** vCPUs for each core. With all of them busy, each sandbox still gets a sixteenth of a core. */
const VCPUS_PER_CORE = 16;

/**
 * Disk that must be free for one more sandbox. Its layer is empty at first; this leaves those that run a margin to write in before
 * the host is full and their writes fail.
 */
const DISK_MARGIN_MB = 1024;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #reserved = new Map<string, Demand>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** @throws RoostError `no_capacity`, saying what is missing; `conflict` when the sandbox has a reservation already. */
  reserve(sandboxId: string, demand: Demand): void {
    if (this.#reserved.has(sandboxId)) throw new RoostError("conflict", `${sandboxId} is on this host already`);
    let missing = this.#missing(demand, [...this.#reserved.values()]);
    if (missing !== undefined && demand.giveWay === undefined) {
      missing = this.#missing(demand, this.#sandboxes());
      if (missing === undefined) for (const { giveWay } of this.#reserved.values()) giveWay?.();
    }
    if (missing !== undefined) throw new RoostError("no_capacity", `the host has no room for this sandbox: ${missing}`);
    this.#reserved.set(sandboxId, demand);
  }

  /** Counts a sandbox that was found at start: it is there, whether there is room or not. */
  adopt(sandboxId: string, demand: Demand): void {
    this.#reserved.set(sandboxId, demand);
  }

  /** Idempotent. */
  release(sandboxId: string): void {
    this.#reserved.delete(sandboxId);
  }

  load(): Load {
    const sandboxes = this.#sandboxes();
    return {
      sandboxes: sandboxes.length,
      vcpus: vcpusOf(sandboxes),
      memory_mb: this.#memoryOf(sandboxes),
      disk_free_mb: Math.max(0, Math.floor(this.#options.diskFreeMb())),
    };
  }

  /** Those that do not give way. */
  #sandboxes(): Demand[] {
    return [...this.#reserved.values()].filter(({ giveWay }) => giveWay === undefined);
  }

  #missing({ vcpus, memoryMb }: Demand, reserved: readonly Demand[]): string | undefined {
    const { overheadMb, cpuCores, slots, diskFreeMb } = this.#options;
    const memoryNeeded = memoryMb + overheadMb;
    const memoryFree = Math.max(0, this.#options.memoryMb - this.#memoryOf(reserved));
    if (memoryNeeded > memoryFree) {
      return `it needs ${memoryNeeded} MB of memory (${memoryMb} for the guest, ${overheadMb} for its VMM), ${memoryFree} MB are free`;
    }
    const vcpusFree = Math.max(0, cpuCores * VCPUS_PER_CORE - vcpusOf(reserved));
    if (vcpus > vcpusFree) return `it needs ${vcpus} vCPUs, ${vcpusFree} are free`;
    const diskFree = Math.floor(diskFreeMb());
    if (diskFree < DISK_MARGIN_MB) return `it needs ${DISK_MARGIN_MB} MB of disk, ${diskFree} MB are free`;
    if (reserved.length >= slots) return `all ${slots} network slots are taken`;
    return undefined;
  }

  #memoryOf(demands: readonly Demand[]): number {
    return demands.reduce((sum, { memoryMb }) => sum + memoryMb + this.#options.overheadMb, 0);
  }
}

function vcpusOf(demands: readonly Demand[]): number {
  return demands.reduce((sum, { vcpus }) => sum + vcpus, 0);
}
