/** The QEMU driver (see `../vmm.ts` for the contract): a keeper runs QEMU, and QMP tells when a machine has got stuck. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import { Keeper, readExit, startKeeper } from "../../keeper/keeper.ts";
import { type Kernel, kernelIdentity } from "../kernel.ts";
import type { Machine, MachineEnd, MachineFolders, MachineSpec, Vmm, VmmDescription, VmmFingerprint } from "../vmm.ts";
import { MACHINE_LAYOUT, TCG_CACHE_MB } from "./command-line.ts";
import type { CpuModel } from "./cpu-model.ts";
import { EXIT_FILE, KEEPER_SOCKET } from "./files.ts";
import { whyNoWake } from "./fingerprint.ts";
import type { QemuInstallation } from "./installation.ts";
import { keeperConfig, makeVmFolder } from "./keeper-plan.ts";
import { describeEnd, QemuMachine } from "./machine.ts";

/** QEMU's own heap, device state and I/O buffers; measured at 45 MiB resident for a 512 MiB guest, doubled. */
const QEMU_OVERHEAD_MB = 96;

export interface QemuOptions {
  /** What machines are started with that boot. */
  readonly installation: QemuInstallation;
  /** What those are woken with that another version has frozen; `undefined` when it is not kept here. */
  readonly findInstallation: (version: string) => Promise<QemuInstallation | undefined>;
  readonly kernel: Kernel;
  readonly accelerator: "kvm" | "tcg";
  /** Path of `roost-keeper`. */
  readonly keeperProgram: string;
  /** Path of `libroost_qemu_preload.so`. */
  readonly preload: string;
  /** The host's TSC rate, for guests under TCG. */
  readonly tscKhz: number;
  /** What guests see of the CPU. */
  readonly cpu: CpuModel;
}

export class Qemu implements Vmm {
  readonly description: VmmDescription;
  readonly fingerprint: VmmFingerprint;
  readonly kernelVersion: string;
  readonly overheadMb: number;
  readonly #options: QemuOptions;

  constructor(options: QemuOptions) {
    const { accelerator, installation, cpu, tscKhz } = options;
    this.#options = options;
    this.description = { name: "qemu", version: installation.version, accelerator };
    this.fingerprint = {
      ...this.description,
      machine: MACHINE_LAYOUT,
      cpu: cpu.name,
      tscKhz: accelerator === "tcg" ? tscKhz : null,
    };
    this.kernelVersion = options.kernel.version;
    this.overheadMb = QEMU_OVERHEAD_MB + (accelerator === "tcg" ? TCG_CACHE_MB : 0);
  }

  bootIdentity(): Promise<string> {
    return kernelIdentity(this.#options.kernel);
  }

  async cannotWake(fingerprint: VmmFingerprint): Promise<string | undefined> {
    const why = whyNoWake(this.fingerprint, fingerprint);
    if (why !== undefined) return why;
    const installation = await this.#installation(fingerprint.version);
    return installation ? undefined : `QEMU ${fingerprint.version}, which froze it, is not kept on this host`;
  }

  async start(spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
    signal.throwIfAborted();
    const installation = await this.#installation(spec.vmmVersion ?? this.description.version);
    if (!installation) throw new RoostError("internal", `QEMU ${spec.vmmVersion} is not kept on this host.`);
    const vmFolder = join(spec.folders.run, "vm");
    try {
      await makeVmFolder(spec, vmFolder);
      const config = keeperConfig({ ...this.#options, installation }, spec, vmFolder);
      const keeper = await startKeeper(this.#options.keeperProgram, config);
      return await this.#machine(keeper, spec.folders, spec.memory.from !== undefined);
    } catch (error) {
      await rm(vmFolder, { recursive: true, force: true });
      throw error;
    }
  }

  async adopt(folders: MachineFolders): Promise<Machine | undefined> {
    const keeper = await Keeper.connect(join(folders.run, KEEPER_SOCKET));
    return keeper && this.#machine(keeper, folders, false);
  }

  async stop(folders: MachineFolders): Promise<void> {
    using keeper = await Keeper.connect(join(folders.run, KEEPER_SOCKET));
    await keeper?.kill();
  }

  async readEnd(folders: MachineFolders): Promise<MachineEnd> {
    return await describeEnd(folders, await readExit(join(folders.run, EXIT_FILE)));
  }

  async #installation(version: string): Promise<QemuInstallation | undefined> {
    const { installation, findInstallation } = this.#options;
    return version === installation.version ? installation : await findInstallation(version);
  }

  async #machine(keeper: Keeper, folders: MachineFolders, asleep: boolean): Promise<Machine> {
    try {
      const machine = await QemuMachine.open(keeper, folders);
      if (asleep) await machine.wake();
      return machine;
    } catch (cause) {
      await keeper.kill();
      const { exit, reason } = await this.readEnd(folders);
      // It had ended before the kill: then its end is the cause, and what was noticed of it is not.
      throw exit?.killed === false ? new RoostError("internal", reason, { cause }) : cause;
    }
  }
}
