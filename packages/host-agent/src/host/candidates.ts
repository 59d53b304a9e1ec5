/** The VMMs that this machine may be able to run, the best first, and what the answer to that depends on. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import { runCommand } from "../commands/run.ts";
import { findKernel } from "../vmm/kernel.ts";
import { type CpuChoice, kvmCpu, readHostCpu, TCG_CPU } from "../vmm/qemu/cpu-model.ts";
import { findQemu, findQemuVersion } from "../vmm/qemu/installation.ts";
import { Qemu } from "../vmm/qemu/qemu.ts";
import type { Vmm } from "../vmm/vmm.ts";

export interface Candidates {
  readonly vmms: readonly [Vmm, ...Vmm[]];
  /** Kernel and CPU: with others, another VMM may be the right one. */
  readonly circumstances: string;
}

/**
 * @throws RoostError `not_found` when kernel, QEMU or our own programs are not installed; `invalid_request` when this machine's CPU is not
 * what was asked for.
 */
export async function findCandidates(assets: string, cpu: CpuChoice = "auto"): Promise<Candidates> {
  const [kernel, installation, tscKhz, kvm] = await Promise.all([
    findKernel(assets),
    findQemu(assets),
    measureTscKhz(assets),
    access("/dev/kvm").then(
      () => true,
      () => false,
    ),
  ]);
  const hostCpu = readHostCpu(await readFile("/proc/cpuinfo", "utf8"));
  const common = {
    installation,
    findInstallation: (version: string) => findQemuVersion(assets, version),
    kernel,
    tscKhz,
    keeperProgram: join(assets, "bin", "roost-keeper"),
    preload: join(assets, "bin", "libroost_qemu_preload.so"),
  };
  const tcg = new Qemu({ ...common, accelerator: "tcg", cpu: TCG_CPU });
  return {
    vmms: kvm ? [new Qemu({ ...common, accelerator: "kvm", cpu: kvmCpu(cpu, hostCpu) }), tcg] : [tcg],
    circumstances: `kernel ${kernel.version}, ${hostCpu.model}, guests' CPU ${cpu}`,
  };
}

async function measureTscKhz(assets: string): Promise<number> {
  const program = join(assets, "bin", "roost-tsc-rate");
  const { stdout } = await runCommand([program]).catch((cause: unknown) => {
    throw new RoostError("not_found", `${program} does not run: ./roost up builds it.`, { cause });
  });
  return Number(stdout.trim());
}
