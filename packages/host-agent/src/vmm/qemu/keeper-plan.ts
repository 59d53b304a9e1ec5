/** What a keeper is told for a sandbox's QEMU, and the files of the sandbox's folder that it and QEMU expect there. */
import { chown, mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generationFiles } from "../../generations/layout.ts";
import type { KeeperConfig, KeeperMemory } from "../../keeper/keeper-config.ts";
import { TAP_NAME } from "../../network/slots.ts";
import type { Kernel } from "../kernel.ts";
import type { MachineMemory, MachineSpec } from "../vmm.ts";
import {
  commandLine,
  diskPath,
  KERNEL_FOLDER,
  MEMORY_SENTINEL,
  PRELOAD_LIBRARY,
  TAP_FD,
  VM_FOLDER,
} from "./command-line.ts";
import type { CpuModel } from "./cpu-model.ts";
import { CONSOLE_LOG, EXIT_FILE, KEEPER_SOCKET, VMM_LOG } from "./files.ts";
import type { QemuInstallation } from "./installation.ts";

/** What is kept of each of a machine's logs. */
const LOG_LIMIT_BYTES = 1024 * 1024;
const MB = 1024 * 1024;

export interface QemuGround {
  readonly installation: QemuInstallation;
  readonly kernel: Kernel;
  readonly accelerator: "kvm" | "tcg";
  readonly cpu: CpuModel;
  readonly tscKhz: number;
  /** Path of `libroost_qemu_preload.so`. */
  readonly preload: string;
}

/** Makes the folder that QEMU sees as /vm: mount points, and the file that stands for its memory. */
export async function makeVmFolder(spec: MachineSpec, vmFolder: string): Promise<void> {
  await mkdir(vmFolder, { mode: 0o700 });
  await chown(vmFolder, spec.uid, spec.uid);
  const mountPoints = [...spec.disk.files.map((_, index) => `disk.${index}`), PRELOAD_LIBRARY];
  await Promise.all(mountPoints.map((name) => writeFile(join(vmFolder, name), "")));
  await using sentinel = await open(join(vmFolder, MEMORY_SENTINEL), "wx", 0o600);
  await sentinel.truncate(spec.memoryMb * MB);
  await sentinel.chown(spec.uid, spec.uid);
}

export function keeperConfig(ground: QemuGround, spec: MachineSpec, vmFolder: string): KeeperConfig {
  const { installation, kernel, accelerator, cpu, tscKhz, preload } = ground;
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
      { source: preload, target: `${VM_FOLDER}/${PRELOAD_LIBRARY}`, read_only: true },
      ...spec.disk.files.map(({ source, readOnly }, index) => ({
        source,
        target: diskPath(index),
        read_only: readOnly,
      })),
    ],
    devices: ["null", "zero", "random", "urandom", ...(accelerator === "kvm" ? (["kvm"] as const) : [])],
    argv: commandLine({
      accelerator,
      cpu: cpu.argument,
      vcpus: spec.vcpus,
      memoryMb: spec.memoryMb,
      incoming: spec.memory.from !== undefined,
      disk: spec.disk,
      tscKhz: accelerator === "tcg" ? tscKhz : undefined,
    }),
    env: { LD_PRELOAD: `${VM_FOLDER}/${PRELOAD_LIBRARY}` },
    memory: keeperMemory(spec.memory, spec.memoryMb),
  };
}

function keeperMemory({ mode, from, saveFolder }: MachineMemory, memoryMb: number): KeeperMemory {
  const common = { size_bytes: memoryMb * MB, mode, save_folder: saveFolder };
  if (from === undefined) return { ...common, map: null, layers: null, state: null, working_set: null };
  const files = generationFiles(from);
  return { ...common, map: files.map, layers: files.layers, state: files.state, working_set: files.workingSet };
}
