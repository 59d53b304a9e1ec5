/**
 * What all of a host's sandboxes stand on, whichever VMM runs them: its slots, disks, control groups, and what memory and CPUs
 * the machine has.
 */
import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { Admission } from "../admission/admission.ts";
import { freeDiskMb, memoryForSandboxes, totalMemoryMb } from "../admission/machine.ts";
import { type Cgroups, openCgroups } from "../cgroups/cgroups.ts";
import { runCommand } from "../commands/run.ts";
import { chooseRootDisk, type DiskSetting } from "../disk/choose.ts";
import type { RootDisk } from "../disk/root-disk.ts";
import { connectEnvd } from "../envd-client/envd-client.ts";
import { IntactGenerations } from "../generations/generations.ts";
import { openSlots, teardownNetwork } from "../network/network.ts";
import type { Slots } from "../network/slots.ts";
import type { Parts } from "../sandboxes/parts.ts";
import { type OnPhase, TimedSteps } from "../sandboxes/steps.ts";
import type { MemoryMode, Vmm } from "../vmm/vmm.ts";

/** Their folder in ROOST_DATA. */
const SANDBOXES = "sandboxes";

export interface GroundOptions {
  /** Begins the names of all kernel objects: `r<mark>-…`. */
  readonly mark: string;
  readonly assets: string;
  /** ROOST_DATA: sandboxes' disks and logs, snapshots. */
  readonly dataFolder: string;
  /** ROOST_RUN; records and sockets go into its subfolder `<mark>`. */
  readonly runFolder: string;
  readonly disk: DiskSetting;
  /** How machines get their memory; ROOST_MEMORY, `auto` decided. */
  readonly memory: MemoryMode;
  readonly slotCidr: string;
  /** How many slots are kept ready; undefined: the pool's own choice. */
  readonly spareSlots?: number;
  readonly vmmUidBase: number;
  readonly hostReserveMb: number | undefined;
  readonly logger: Logger;
  /** Told how long each phase of an operation took. */
  readonly onPhase?: OnPhase | undefined;
}

export class Ground implements AsyncDisposable {
  readonly #options: GroundOptions;
  readonly #slots: Slots;
  readonly #cgroups: Cgroups;
  readonly #rootDisk: RootDisk;
  readonly #memoryMb: number;
  readonly #runFolder: string;

  private constructor(options: GroundOptions, slots: Slots, cgroups: Cgroups, rootDisk: RootDisk, memoryMb: number) {
    this.#options = options;
    this.#slots = slots;
    this.#cgroups = cgroups;
    this.#rootDisk = rootDisk;
    this.#memoryMb = memoryMb;
    this.#runFolder = join(options.runFolder, options.mark);
  }

  /** @throws RoostError with what this machine lacks, or which setting to change; nothing is left then. */
  static async open(options: GroundOptions): Promise<Ground> {
    const { mark, logger } = options;
    const rootDisk = chooseRootDisk(options.disk, options.assets);
    const memoryMb = memoryForSandboxes(await totalMemoryMb(), options.hostReserveMb);
    await mkdir(join(options.dataFolder, SANDBOXES), { recursive: true, mode: 0o700 });
    // Passed through by VMMs' users, on their way to their own folders.
    await mkdir(join(options.runFolder, mark), { recursive: true, mode: 0o711 });
    await using undo = new AsyncDisposableStack();
    const cgroups = await openCgroups({ mark, logger });
    undo.defer(() => closeIfUnused(cgroups));
    const { slotCidr: cidr, spareSlots } = options;
    const slots = await openSlots({ mark, cidr, logger, ...(spareSlots === undefined ? {} : { spare: spareSlots }) });
    undo.move();
    return new Ground(options, slots, cgroups, rootDisk, memoryMb);
  }

  get rootDiskName(): RootDisk["name"] {
    return this.#rootDisk.name;
  }

  /** All that sandboxes are made from, with this VMM. */
  partsWith(vmm: Vmm): Parts {
    const { mark, assets, dataFolder, vmmUidBase, memory, logger, onPhase } = this.#options;
    return {
      mark,
      assets,
      roots: {
        run: this.#runFolder,
        data: join(dataFolder, SANDBOXES),
        generations: join(dataFolder, "generations"),
        warmBases: join(dataFolder, "warm-bases"),
        images: join(dataFolder, "images"),
      },
      uidBase: vmmUidBase,
      slots: this.#slots,
      rootDisk: this.#rootDisk,
      cgroups: this.#cgroups,
      admission: new Admission({
        memoryMb: this.#memoryMb,
        overheadMb: vmm.overheadMb,
        cpuCores: cpus().length,
        slots: this.#slots.capacity,
        diskFreeMb: () => freeDiskMb(dataFolder),
      }),
      vmm,
      memoryMode: memory,
      intact: new IntactGenerations(join(assets, "bin", "roost-keeper"), runCommand),
      connectEnvd,
      randomBytes,
      now: () => new Date(),
      logger,
      steps: (operation, logger) => new TimedSteps(operation, logger, onPhase),
    };
  }

  /** Gives back what no sandbox uses; sandboxes and their walls outlive the agent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#slots[Symbol.asyncDispose]();
  }

  /** Removes everything of this host from the kernel. All sandboxes must be gone. */
  async teardown(): Promise<void> {
    await this.#slots[Symbol.asyncDispose]();
    await teardownNetwork(this.#options.mark);
    await this.#cgroups.close();
    await rm(this.#runFolder, { recursive: true, force: true });
  }
}

/** With sandboxes of an earlier agent there is something in it. */
async function closeIfUnused(cgroups: Cgroups): Promise<void> {
  if ((await cgroups.list()).length === 0) await cgroups.close();
}
