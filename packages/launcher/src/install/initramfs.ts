/** The guests' first root: envd as /init, and the modules that lead to the disk. Ours alone; see docs/formats and ARCHITECTURE.md. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CpioEntry, writeCpio } from "../files/cpio.ts";
import { placeFile } from "../files/durable.ts";
import { exists } from "../files/presence.ts";
import { programPath, type Settings } from "../settings.ts";
import { kernelFolder, kernelVersions } from "./kernel.ts";
import type { Step } from "./step.ts";

export function initramfsStep(settings: Settings): Step {
  return {
    name: "initramfs",
    after: ["kernel", "native programs"],
    byHand: `put envd as /init and the kernel's modules/ into a newc cpio archive named initramfs, beside vmlinuz.`,
    async isDone() {
      for (const version of await kernelVersions(settings)) {
        if (!(await isUpToDate(settings, version))) return false;
      }
      return true;
    },
    async run() {
      const envd = await readFile(programPath(settings, "envd"));
      for (const version of await kernelVersions(settings)) {
        const folder = kernelFolder(settings, version);
        await placeFile(join(folder, "initramfs"), writeCpio(await initramfsEntries(envd, join(folder, "modules"))));
      }
    },
  };
}

/** `/init`, `/modules/NN-name.ko`, and the folders that envd mounts on. Not compressed: nothing to unpack at every boot. */
export async function initramfsEntries(envd: Uint8Array, modulesFolder: string): Promise<CpioEntry[]> {
  const names = (await readdir(modulesFolder)).sort();
  const modules: CpioEntry[] = [];
  for (const name of names) {
    const content = await readFile(join(modulesFolder, name));
    modules.push({ kind: "file", path: `modules/${name}`, mode: 0o644, content });
  }
  return [
    { kind: "folder", path: "dev", mode: 0o755 },
    { kind: "folder", path: "newroot", mode: 0o755 },
    { kind: "folder", path: "modules", mode: 0o755 },
    { kind: "file", path: "init", mode: 0o755, content: envd },
    ...modules,
  ];
}

/** It would be written just so: exact, and still a matter of milliseconds. */
async function isUpToDate(settings: Settings, version: string): Promise<boolean> {
  const initramfs = join(kernelFolder(settings, version), "initramfs");
  const envd = programPath(settings, "envd");
  if (!(await exists(initramfs)) || !(await exists(envd))) return false;
  const wanted = writeCpio(
    await initramfsEntries(await readFile(envd), join(kernelFolder(settings, version), "modules")),
  );
  return wanted.equals(await readFile(initramfs));
}
