/** The kernel of a lab's host, put into its root; and the first steps that lead from it to the root's disk. */
import { copyFile, glob, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { LauncherFailure } from "../../failure.ts";
import { type CpioEntry, writeCpio } from "../../files/cpio.ts";
import { placeFile } from "../../files/durable.ts";
import { exists } from "../../files/presence.ts";
import { openDebianArchive } from "../../install/debian-archive.ts";
import { dependenciesOf, fieldOf } from "../../install/package-fields.ts";
import { runProgram } from "../../programs/run-program.ts";
import type { Settings } from "../../settings.ts";
import { KERNEL_META_PACKAGE, SUITE } from "./recipe.ts";

/** What stands between the kernel and its disk, where it is not built in. */
const NEEDED_FOR_DISK = ["virtio_pci", "virtio_blk", "ext4"];

/** Puts the kernel's modules into `root`, and `kernel` and `initrd` into `folder`. */
export async function installHostKernel(
  settings: Settings,
  root: string,
  folder: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const archive = await openDebianArchive(settings, SUITE, say, signal);
  const depends = fieldOf(await archive.describe(KERNEL_META_PACKAGE), "Depends") ?? "";
  const name = dependenciesOf(depends).find((candidate) => candidate.startsWith("linux-image-"));
  if (name === undefined) throw new LauncherFailure(`${KERNEL_META_PACKAGE} names no kernel: "${depends}"`);
  const version = name.slice("linux-image-".length);
  const unpacked = await mkdtemp(join(folder, "kernel."));
  try {
    say(`unpacking ${name}`);
    await archive.unpack(name, unpacked);
    await copyFile(join(unpacked, "boot", `vmlinuz-${version}`), join(folder, "kernel"));
    // Where they lie depends on the suite; the root has one way to both.
    const [modules] = await Array.fromAsync(glob(`${unpacked}/{usr/lib,lib}/modules/${version}`));
    if (modules === undefined) throw new LauncherFailure(`${name} has no modules`);
    const target = join(root, "usr/lib/modules");
    await runProgram(["mkdir", "-p", target], { signal });
    await runProgram(["cp", "--archive", "--target-directory", target, modules], { signal });
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
  await runProgram(["chroot", root, "depmod", version], { signal });
  const entries = await firstSteps(root, version, folder, signal);
  await placeFile(join(folder, "initrd"), writeCpio(entries));
}

async function firstSteps(root: string, version: string, folder: string, signal: AbortSignal): Promise<CpioEntry[]> {
  const busybox = await readFile(join(root, "usr/bin/busybox"));
  const init = await readFile(join(import.meta.dirname, "..", "inside", "first-steps.sh"));
  const modules = await modulesFor(root, version, folder, signal);
  return [
    ...["bin", "dev", "new", "modules"].map((path): CpioEntry => ({ kind: "folder", path, mode: 0o755 })),
    { kind: "file", path: "bin/busybox", mode: 0o755, content: busybox },
    { kind: "file", path: "init", mode: 0o755, content: init },
    ...modules,
  ];
}

/** In the order they are loaded, numbered, uncompressed. */
async function modulesFor(root: string, version: string, folder: string, signal: AbortSignal): Promise<CpioEntry[]> {
  const paths: string[] = [];
  for (const module of NEEDED_FOR_DISK) {
    const show = ["chroot", root, "modprobe", "--set-version", version, "--show-depends", module] as const;
    const listing = await runProgram(show, { signal });
    for (const [, path] of listing.matchAll(/^insmod (\S+)/gm)) {
      if (path !== undefined && !paths.includes(path)) paths.push(path);
    }
  }
  const plain = await mkdtemp(join(folder, "modules."));
  try {
    for (const [index, path] of paths.entries()) {
      const copy = join(plain, `${String(index).padStart(2, "0")}-${basename(path)}`);
      await copyFile(join(root, path), copy);
      if (copy.endsWith(".xz")) await runProgram(["xz", "--decompress", copy], { signal });
    }
    const entries: CpioEntry[] = [];
    for (const name of (await readdir(plain)).sort()) {
      const content = await readFile(join(plain, name));
      entries.push({ kind: "file", path: `modules/${name}`, mode: 0o644, content });
    }
    return entries;
  } finally {
    if (await exists(plain)) await rm(plain, { recursive: true });
  }
}
