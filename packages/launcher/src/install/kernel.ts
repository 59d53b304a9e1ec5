/**
 * The guests' kernel: Debian's cloud kernel, unpacked from its package (never installed on this machine), with the modules
 * that a microVM needs before it has its disk.
 */
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { placeFolder } from "../files/durable.ts";
import { exists } from "../files/presence.ts";
import type { Settings } from "../settings.ts";
import { openDebianArchive } from "./debian-archive.ts";
import { dependenciesOf, fieldOf } from "./package-fields.ts";
import type { Step } from "./step.ts";

/** In the order they are loaded: each builds on those before it. */
const MODULES = [
  "drivers/virtio/virtio_ring",
  "drivers/virtio/virtio",
  "drivers/virtio/virtio_mmio",
  "drivers/block/virtio_blk",
  "net/core/failover",
  "drivers/net/net_failover",
  "drivers/net/virtio_net",
] as const;

/** Left out where the kernel has it built in. */
const OPTIONAL_MODULES = ["drivers/char/hw_random/rng-core", "drivers/char/hw_random/virtio-rng"] as const;

const META_PACKAGE = "linux-image-cloud-amd64";

export function kernelStep(settings: Settings): Step {
  return {
    name: "kernel",
    after: [],
    byHand:
      `unpack (dpkg-deb -x) Debian bookworm's ${META_PACKAGE} and put its vmlinuz, and its virtio modules named ` +
      `NN-name.ko, into ${join(settings.cache, "kernels", "<version>")}, with a kernel.json as docs/operations.md shows.`,
    isDone: async () => (await kernelVersions(settings)).length > 0,
    async run(say, signal) {
      const archive = await openDebianArchive(settings, "bookworm", say, signal);
      const depends = fieldOf(await archive.describe(META_PACKAGE), "Depends") ?? "";
      const packageName = dependenciesOf(depends).find((name) => name.startsWith("linux-image-"));
      if (packageName === undefined) throw new LauncherFailure(`${META_PACKAGE} names no kernel: "${depends}"`);
      const packageVersion = fieldOf(await archive.describe(packageName), "Version") ?? "unknown";
      const version = packageName.slice("linux-image-".length);
      await mkdir(join(settings.cache, "kernels"), { recursive: true });
      const unpacked = await mkdtemp(join(settings.cache, "kernels", ".unpacked."));
      try {
        await archive.unpack(packageName, unpacked);
        await placeFolder(kernelFolder(settings, version), async (folder) => {
          await copyFile(join(unpacked, "boot", `vmlinuz-${version}`), join(folder, "vmlinuz"));
          const modules = await copyModules(join(unpacked, "lib", "modules", version, "kernel"), folder);
          const facts = { version, package: packageName, package_version: packageVersion, modules };
          await writeFile(join(folder, "kernel.json"), `${JSON.stringify(facts, null, 2)}\n`);
        });
      } finally {
        await rm(unpacked, { recursive: true, force: true });
      }
    },
  };
}

export function kernelFolder(settings: Settings, version: string): string {
  return join(settings.cache, "kernels", version);
}

/** Versions of the kernels that are there whole. */
export async function kernelVersions(settings: Settings): Promise<string[]> {
  if (!(await exists(join(settings.cache, "kernels")))) return [];
  const versions: string[] = [];
  for (const name of await readdir(join(settings.cache, "kernels"))) {
    if (!name.startsWith(".") && (await exists(join(kernelFolder(settings, name), "kernel.json")))) versions.push(name);
  }
  return versions.sort();
}

async function copyModules(from: string, folder: string): Promise<string[]> {
  await mkdir(join(folder, "modules"));
  const copied: string[] = [];
  for (const module of [...MODULES, ...OPTIONAL_MODULES]) {
    const source = join(from, `${module}.ko`);
    const optional = (OPTIONAL_MODULES as readonly string[]).includes(module);
    if (optional && !(await exists(source))) continue;
    const name = `${String(copied.length).padStart(2, "0")}-${module.slice(module.lastIndexOf("/") + 1)}.ko`;
    await copyFile(source, join(folder, "modules", name));
    copied.push(name);
  }
  return copied;
}
