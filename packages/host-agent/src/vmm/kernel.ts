/** The guest's kernel and initramfs, as the installation left them: `kernels/<version>/{vmlinuz,initramfs,kernel.json}`. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";

export interface Kernel {
  readonly version: string;
  readonly folder: string;
}

/** Names of the files in a kernel's folder. */
export const KERNEL_IMAGE = "vmlinuz";
export const KERNEL_INITRAMFS = "initramfs";

/** Changes with what a guest boots from. It is looked at anew each time: `./roost install` replaces the files under an agent that runs. */
export async function kernelIdentity({ version, folder }: Kernel): Promise<string> {
  const files = await Promise.all([KERNEL_IMAGE, KERNEL_INITRAMFS].map((name) => stat(join(folder, name))));
  return [version, ...files.map(({ ino, mtimeMs }) => `${ino}-${Math.round(mtimeMs)}`)].join(" ");
}

/** The newest kernel (by its folder's age) under `assets`. @throws RoostError `not_found` when there is none. */
export async function findKernel(assets: string): Promise<Kernel> {
  const parent = join(assets, "kernels");
  const names = await readdir(parent).catch(() => [] as string[]);
  const found: { kernel: Kernel; changed: number }[] = [];
  for (const version of names) {
    const folder = join(parent, version);
    const image = await stat(join(folder, KERNEL_IMAGE)).catch(() => undefined);
    const initramfs = await stat(join(folder, KERNEL_INITRAMFS)).catch(() => undefined);
    if (image && initramfs) found.push({ kernel: { version, folder }, changed: initramfs.mtimeMs });
  }
  const newest = found.sort((a, b) => b.changed - a.changed)[0];
  if (!newest) throw new RoostError("not_found", `No guest kernel is in ${parent}: run ./roost up, which makes one.`);
  return newest.kernel;
}
