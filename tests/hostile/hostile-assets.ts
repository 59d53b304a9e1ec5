/**
 * An assets folder like the installed one, but for the initramfs: there the tests' hostile program has envd's place
 * (`native/hostile-guest`). Everything else is linked, not copied; the kernel's folder, which a VMM sees as it is, is copied.
 */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Settings } from "@roost/launcher/settings";
import { initramfsEntries, kernelFolder, kernelVersions, testProgram, writeCpio } from "@roost/launcher/testing";

export interface HostileAssets extends AsyncDisposable {
  readonly folder: string;
}

const KERNELS = "kernels";
/** Made by installing; of no use here. */
const LEFT_OUT = new Set([KERNELS, "target", "build-root", "test-programs"]);

export async function makeHostileAssets(settings: Settings, signal: AbortSignal): Promise<HostileAssets> {
  const program = await readFile(await testProgram(settings, "roost-hostile-guest", signal));
  const parent = join(settings.checkout, ".roost", "tests");
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(parent, "hostile-assets-"));
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  for (const name of await readdir(settings.cache)) {
    if (!LEFT_OUT.has(name)) await symlink(join(settings.cache, name), join(folder, name));
  }
  for (const version of await kernelVersions(settings)) {
    const [from, to] = [kernelFolder(settings, version), join(folder, KERNELS, version)];
    await mkdir(to, { recursive: true });
    for (const name of ["vmlinuz", "kernel.json"]) await copyFile(join(from, name), join(to, name));
    await writeFile(join(to, "initramfs"), writeCpio(await initramfsEntries(program, join(from, "modules"))));
  }
  const made = undo.move();
  return { folder, [Symbol.asyncDispose]: () => made.disposeAsync() };
}
