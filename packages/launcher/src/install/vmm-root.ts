/**
 * The VMM in a folder of its own, which becomes its read-only `/`: QEMU, the libraries and accelerators it loads, the
 * firmware that `-M microvm` reads. Copied from the installed package, so that an upgrade of the distribution's QEMU takes
 * nothing away from a VM that runs or sleeps; each version has its own folder.
 */
import { copyFile, glob, mkdir, realpath, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { placeFolder } from "../files/durable.ts";
import { exists } from "../files/presence.ts";
import { runProgram } from "../programs/run-program.ts";
import type { Settings } from "../settings.ts";
import { fieldOf } from "./package-fields.ts";
import { sharedLibraries } from "./shared-libraries.ts";
import type { Step } from "./step.ts";

const QEMU = "/usr/bin/qemu-system-x86_64";
/** One place in Debian and Ubuntu; the accelerators (tcg is a module of its own) are loaded from there. */
const MODULES = "/usr/lib/x86_64-linux-gnu/qemu";
/** The two firmwares of microvm, what loads a kernel by them, and what QEMU would rather have than warn about. */
const FIRMWARE = ["bios-microvm.bin", "linuxboot_dma.bin", "pvh.bin", "qboot.rom", "kvmvapic.bin"];
const FIRMWARE_FOLDERS = ["/usr/share/qemu", "/usr/share/seabios"];
/** Where the keeper mounts the sandbox's own things. */
const MOUNT_POINTS = ["vm", "kernel", "image", "dev", "proc", "tmp"];

export function vmmRootStep(settings: Settings): Step {
  return {
    name: "vmm",
    after: ["debian packages"],
    byHand: `install qemu-system-x86; nothing else is needed (${join(settings.cache, "vmm")} is a copy of its files).`,
    isDone: async (signal) =>
      (await exists(QEMU)) && (await exists(join(vmmFolder(settings, await qemuVersion(signal)), "vmm.json"))),
    async run(say, signal) {
      const version = await qemuVersion(signal);
      say(`copying QEMU ${version}`);
      await placeFolder(vmmFolder(settings, version), async (folder) => {
        const accelerators = await Array.fromAsync(glob(`${MODULES}/accel-*-x86_64.so`));
        const libraries = await sharedLibraries([QEMU, ...accelerators], signal);
        for (const file of [QEMU, ...accelerators, ...libraries]) await copyInto(folder, file, file);
        for (const name of FIRMWARE) await copyInto(folder, await firmwarePath(name), `/usr/share/qemu/${name}`);
        for (const name of MOUNT_POINTS) await mkdir(join(folder, name), { recursive: true });
        await tryIt(folder, signal);
        await writeFile(join(folder, "vmm.json"), `${JSON.stringify({ name: "qemu", version }, null, 2)}\n`);
      });
    },
  };
}

function vmmFolder(settings: Settings, version: string): string {
  return join(settings.cache, "vmm", `qemu-${version}`);
}

/** The distribution's full version without its epoch: a security update is another VMM than what it replaces. */
async function qemuVersion(signal: AbortSignal): Promise<string> {
  const status = await runProgram(["dpkg-query", "--status", "qemu-system-x86"], { signal });
  return (fieldOf(status, "Version") ?? "unknown").replace(/^\d+:/, "");
}

/** `at` inside the folder becomes a copy of the file that `file` leads to, links followed. */
async function copyInto(folder: string, file: string, at: string): Promise<void> {
  const target = join(folder, at);
  await mkdir(dirname(target), { recursive: true });
  await copyFile(await realpath(file), target);
}

async function firmwarePath(name: string): Promise<string> {
  for (const folder of FIRMWARE_FOLDERS) {
    if (await exists(join(folder, name))) return join(folder, name);
  }
  throw new LauncherFailure(`QEMU's firmware ${name} is in none of ${FIRMWARE_FOLDERS.join(", ")}`);
}

/** A root that lacks a library or a piece of firmware is found out now, not by the first sandbox. */
async function tryIt(folder: string, signal: AbortSignal): Promise<void> {
  const machine = ["-M", "microvm,accel=tcg", "-m", "64", "-nodefaults", "-no-user-config", "-display", "none"];
  await runProgram(["chroot", folder, QEMU, ...machine, "-S", "-qmp", "stdio"], {
    input: '{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n',
    signal,
  });
}
