/**
 * The machine that a lab's host is: QEMU, with a processor that has virtualisation itself. Always put together in the same order from the
 * same parts, so that a frozen one can go on in another process.
 *
 * What is learned from trying: with two emulated processors the emulator's threads race with a kernel that patches itself (int3 oops), so
 * there is one; and a host is frozen only while it runs no guest of its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { LauncherFailure } from "../../failure.ts";
import type { Accelerator } from "./accelerator.ts";
import { Qmp } from "./qmp.ts";

/** With what QEMU needs for itself, a host stays under 4 GB. */
export const MEMORY_MB = 3072;
/** Translated code; QEMU's own choice would be a gigabyte. */
const TRANSLATIONS_MB = 512;
const KERNEL_SETTINGS = "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable random.trust_cpu=on";
/** How many programs outside may speak with one host at the same time. */
export const LINES = 4;

export interface MachineSpec {
  /**
   * QEMU's working folder, where it finds by name: `kernel`, `initrd`, `disk` (qcow2), `checkout` (tar, read-only), `ram` and, to thaw,
   * `state`. Sockets, the console's log and QEMU's own words are made there.
   */
  readonly folder: string;
  readonly accelerator: Accelerator;
  /** See tsc.ts. */
  readonly tscKhz: number;
  /** `shared`: its memory is the file `ram`; `private`: it begins with what is in there, and changes nothing; `none`: its own. */
  readonly memory: "shared" | "private" | "none";
  /** `boot`: from its disk; `thaw`: waits to be given its state. */
  readonly start: "boot" | "thaw";
  /** What starts a program in the lab's network, and the TAP device there. */
  readonly enterNetwork: readonly string[];
  readonly tap: string;
}

export class Emulator {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly ended: Promise<void>;

  private constructor(process: ChildProcess, folder: string) {
    this.#process = process;
    this.#folder = folder;
    this.ended = once(process, "exit").then(() => {});
  }

  /** Returns when QEMU listens. */
  static async start(spec: MachineSpec): Promise<Emulator> {
    // What an earlier one has left would be taken for this one's.
    const lines = Array.from({ length: LINES }, (_, index) => `line-${index}`);
    for (const name of ["qmp", "console.log", ...lines]) await rm(join(spec.folder, name), { force: true });
    const words = openSync(join(spec.folder, "qemu.log"), "w");
    // The kernel ends it when we end, however that happens.
    const args = ["--pdeathsig", "KILL", ...spec.enterNetwork, "qemu-system-x86_64", ...machineArguments(spec)];
    const child = spawn("setpriv", args, { cwd: spec.folder, stdio: ["ignore", words, words] });
    closeSync(words);
    const emulator = new Emulator(child, spec.folder);
    await emulator.#untilListening();
    return emulator;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  qmp(): Promise<Qmp> {
    return Qmp.connect(join(this.#folder, "qmp"));
  }

  /** Stops the machine where it is, as a power cut does. */
  async kill(): Promise<void> {
    if (this.running) this.#process.kill("SIGKILL");
    await this.ended;
  }

  /** The socket's file is there before anyone listens. */
  async #untilListening(): Promise<void> {
    while (this.running) {
      try {
        using _ = await this.qmp();
        return;
      } catch (error) {
        const { code = "" } = error as NodeJS.ErrnoException;
        if (!["ENOENT", "ECONNREFUSED"].includes(code)) throw error;
        await pause(10);
      }
    }
    throw new LauncherFailure(`QEMU did not start: ${this.words()}`);
  }

  /** What QEMU has said, and the console's last lines. */
  words(): string {
    return ["qemu.log", "console.log"]
      .map((name) => {
        try {
          return `--- ${name}\n${readFileSync(join(this.#folder, name), "latin1").slice(-4000)}`;
        } catch {
          return "";
        }
      })
      .join("\n");
  }
}

function machineArguments({ accelerator, tscKhz, memory, start, tap }: MachineSpec): string[] {
  const file = `memory-backend-file,id=ram,size=${MEMORY_MB}M,mem-path=ram,share=${memory === "shared" ? "on" : "off"}`;
  const ports = Array.from({ length: LINES }, (_, index) => [
    ...["-chardev", `socket,id=line${index},path=line-${index},server=on,wait=off`],
    ...["-device", `virtserialport,bus=lines.0,nr=${index + 1},chardev=line${index},name=roost.lab.${index}`],
  ]);
  return [
    ...["-M", "q35,memory-backend=ram", "-m", `${MEMORY_MB}`, "-nodefaults", "-no-user-config", "-display", "none"],
    ...(accelerator === "kvm"
      ? ["-accel", "kvm", "-cpu", "host", "-smp", "2"]
      : ["-accel", `tcg,tb-size=${TRANSLATIONS_MB}`, "-cpu", "EPYC-Rome,+svm", "-smp", "1"]),
    ...["-object", memory === "none" ? `memory-backend-ram,id=ram,size=${MEMORY_MB}M` : file],
    ...["-device", "vmgenid,guid=auto", "-no-reboot", "-kernel", "kernel", "-initrd", "initrd"],
    ...["-append", `${KERNEL_SETTINGS}${accelerator === "tcg" ? ` tsc_early_khz=${tscKhz}` : ""}`],
    // What the host has flushed is in the file, and what it has not may not be: as on a disk that loses its power.
    ...["-drive", "id=root,file=disk,format=qcow2,if=none,cache=writeback,discard=unmap"],
    ...["-device", "virtio-blk-pci,drive=root"],
    ...["-drive", "id=checkout,file=checkout,format=raw,if=none,readonly=on"],
    ...["-device", "virtio-blk-pci,drive=checkout"],
    ...["-netdev", `tap,id=lan,ifname=${tap},script=no,downscript=no`, "-device", "virtio-net-pci,netdev=lan"],
    ...["-device", "virtio-rng-pci", "-device", "virtio-serial-pci,id=lines", ...ports.flat()],
    ...["-serial", "file:console.log", "-qmp", "unix:qmp,server=on,wait=off"],
    ...(start === "thaw" ? ["-incoming", "defer"] : []),
  ];
}
