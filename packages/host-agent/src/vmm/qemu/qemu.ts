/** The QEMU driver (see `../vmm.ts` for the contract): a keeper runs QEMU, and QMP tells when a machine has got stuck. */
import { chown, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { RoostError } from "@roost/protocol/errors";
import { describeExit, Keeper, lastWords, readExit, startKeeper } from "../../keeper/keeper.ts";
import type { KeeperConfig, VmmExit } from "../../keeper/keeper-config.ts";
import { TAP_NAME } from "../../network/slots.ts";
import type { Kernel } from "../kernel.ts";
import type { Machine, MachineEnd, MachineFolders, MachineSpec, Vmm, VmmDescription } from "../vmm.ts";
import { commandLine, diskPath, KERNEL_FOLDER, TAP_FD, TCG_CACHE_MB, VM_FOLDER } from "./command-line.ts";
import type { QemuInstallation } from "./installation.ts";
import { Qmp } from "./qmp.ts";

/** QEMU's own heap, device state and I/O buffers; measured at 45 MiB resident for a 512 MiB guest, doubled. */
const QEMU_OVERHEAD_MB = 96;
/** What is kept of each of a machine's logs. */
const LOG_LIMIT_BYTES = 1024 * 1024;

const KEEPER_SOCKET = "keeper.sock";
const EXIT_FILE = "exit.json";
const VMM_LOG = "vmm.log";
const CONSOLE_LOG = "console.log";

export interface QemuOptions {
  readonly installation: QemuInstallation;
  readonly kernel: Kernel;
  readonly accelerator: "kvm" | "tcg";
  /** Path of `roost-keeper`. */
  readonly keeperProgram: string;
  /** The host's TSC rate, for guests under TCG. */
  readonly tscKhz: number;
}

export class Qemu implements Vmm {
  readonly description: VmmDescription;
  readonly overheadMb: number;
  readonly #options: QemuOptions;

  constructor(options: QemuOptions) {
    this.#options = options;
    this.description = { name: "qemu", version: options.installation.version, accelerator: options.accelerator };
    this.overheadMb = QEMU_OVERHEAD_MB + (options.accelerator === "tcg" ? TCG_CACHE_MB : 0);
  }

  async start(spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
    signal.throwIfAborted();
    const vmFolder = join(spec.folders.run, "vm");
    await mkdir(vmFolder, { mode: 0o700 });
    try {
      await chown(vmFolder, spec.uid, spec.uid);
      // Mount points for the disk's files.
      await Promise.all(spec.disk.files.map((_, index) => writeFile(join(vmFolder, `disk.${index}`), "")));
      const keeper = await startKeeper(this.#options.keeperProgram, this.#keeperConfig(spec, vmFolder));
      return await this.#machine(keeper, spec.folders);
    } catch (error) {
      await rm(vmFolder, { recursive: true, force: true });
      throw error;
    }
  }

  async adopt(folders: MachineFolders): Promise<Machine | undefined> {
    const keeper = await Keeper.connect(join(folders.run, KEEPER_SOCKET));
    return keeper && this.#machine(keeper, folders);
  }

  async stop(folders: MachineFolders): Promise<void> {
    using keeper = await Keeper.connect(join(folders.run, KEEPER_SOCKET));
    await keeper?.kill();
  }

  async readEnd(folders: MachineFolders): Promise<MachineEnd> {
    return await describeEnd(folders, await readExit(join(folders.run, EXIT_FILE)));
  }

  async #machine(keeper: Keeper, folders: MachineFolders): Promise<Machine> {
    try {
      return await QemuMachine.open(keeper, folders);
    } catch (cause) {
      await keeper.kill();
      const { exit, reason } = await this.readEnd(folders);
      // It had ended before the kill: then its end is the cause, and what was noticed of it is not.
      throw exit?.killed === false ? new RoostError("internal", reason, { cause }) : cause;
    }
  }

  #keeperConfig(spec: MachineSpec, vmFolder: string): KeeperConfig {
    const { installation, kernel, accelerator, tscKhz } = this.#options;
    const { run, data } = spec.folders;
    return {
      sandbox_id: spec.sandboxId,
      socket: join(run, KEEPER_SOCKET),
      exit_file: join(run, EXIT_FILE),
      console_log: join(data, CONSOLE_LOG),
      vmm_log: join(data, VMM_LOG),
      log_limit_bytes: LOG_LIMIT_BYTES,
      cgroup_procs: spec.cgroupProcs,
      netns: spec.slot.netns,
      tap: TAP_NAME,
      tap_fd: TAP_FD,
      uid: spec.uid,
      gid: spec.uid,
      root: installation.root,
      mounts: [
        { source: kernel.folder, target: KERNEL_FOLDER, read_only: true },
        { source: vmFolder, target: VM_FOLDER, read_only: false },
        ...spec.disk.files.map(({ source, readOnly }, index) => ({
          source,
          target: diskPath(index),
          read_only: readOnly,
        })),
      ],
      devices: ["null", "zero", "random", "urandom", ...(accelerator === "kvm" ? (["kvm"] as const) : [])],
      argv: commandLine({
        accelerator,
        vcpus: spec.vcpus,
        memoryMb: spec.memoryMb,
        disk: spec.disk,
        tscKhz: accelerator === "tcg" ? tscKhz : undefined,
      }),
      env: {},
    };
  }
}

/** Run states (QAPI `RunState`) from which a machine does not come back by itself. */
const STUCK_STATES = new Set(["internal-error", "io-error", "guest-panicked"]);

class QemuMachine implements Machine {
  readonly ended: Promise<MachineEnd>;
  readonly pids: Machine["pids"];
  readonly #keeper: Keeper;
  readonly #qmp: Qmp | undefined;
  readonly #letGo: AbortController;

  private constructor(
    keeper: Keeper,
    qmp: Qmp | undefined,
    pids: Machine["pids"],
    ended: Promise<MachineEnd>,
    letGo: AbortController,
  ) {
    this.#keeper = keeper;
    this.#qmp = qmp;
    this.#letGo = letGo;
    this.pids = pids;
    this.ended = ended;
  }

  static async open(keeper: Keeper, folders: MachineFolders): Promise<QemuMachine> {
    const { keeperPid, vmmPid } = await keeper.status();
    let stuck: string | undefined;
    const stop = async (state: string): Promise<void> => {
      stuck = state;
      await keeper.kill();
    };
    const qmp = await connectQmp(join(folders.run, "vm", "qmp.sock"), keeper, (name) => {
      if (name === "STOP") void checkState();
    });
    /** A machine that has stopped by itself will not go on: better an error now than a sandbox that never answers. */
    const checkState = async (): Promise<void> => {
      const answer = await qmp?.execute("query-status").catch(() => undefined);
      const { status } = (answer ?? {}) as { status?: string };
      if (status !== undefined && STUCK_STATES.has(status)) await stop(status);
    };
    await checkState();
    const ended = Promise.withResolvers<MachineEnd>();
    const letGo = new AbortController();
    void keeper.exited.then(async (told) => {
      if (letGo.signal.aborted) return;
      const exit = told ?? (await readExit(join(folders.run, EXIT_FILE)));
      ended.resolve(await describeEnd(folders, exit, stuck));
    });
    return new QemuMachine(keeper, qmp, { keeper: keeperPid, vmm: vmmPid }, ended.promise, letGo);
  }

  stats(): ReturnType<Keeper["stats"]> {
    return this.#keeper.stats();
  }

  [Symbol.dispose](): void {
    this.#letGo.abort();
    this.#qmp?.[Symbol.dispose]();
    this.#keeper[Symbol.dispose]();
  }
}

/** How often a QEMU that has just been started is asked for its socket, which takes it some 30 ms to open. */
const QMP_RETRY_MS = 5;

/** `undefined`: the machine ended before QEMU listened. */
async function connectQmp(path: string, keeper: Keeper, onEvent: (name: string) => void): Promise<Qmp | undefined> {
  let gone = false;
  void keeper.exited.then(() => {
    gone = true;
  });
  while (!gone) {
    const qmp = await Qmp.connect(path, onEvent);
    if (qmp) return qmp;
    await setTimeout(QMP_RETRY_MS);
  }
  return undefined;
}

async function describeEnd(folders: MachineFolders, exit: VmmExit | undefined, stuck?: string): Promise<MachineEnd> {
  const how = stuck === undefined ? describeExit(exit) : `QEMU stopped it: ${stuck}`;
  return { reason: `The machine has ended: ${how}.${await lastWords(join(folders.data, VMM_LOG))}`, exit };
}
