/**
 * QEMU as Roost keeps it: a folder `vmm/qemu-<version>/` that holds the program, its libraries and firmware, and serves as the
 * VMM's read-only root. The distribution may upgrade its own meanwhile.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";

export interface QemuInstallation {
  readonly version: string;
  readonly root: string;
}

/** Path of the program inside `root`. */
export const QEMU_PROGRAM = "/usr/bin/qemu-system-x86_64";

/** The newest installation under `assets`. @throws RoostError `not_found` when there is none. */
export async function findQemu(assets: string): Promise<QemuInstallation> {
  const parent = join(assets, "vmm");
  const newest = (await installations(parent)).sort((a, b) => b.changed - a.changed)[0];
  if (!newest) throw new RoostError("not_found", `No QEMU is in ${parent}: run ./roost up, which puts one there.`);
  return newest.installation;
}

/** The installation of exactly this version, if it is kept. */
export async function findQemuVersion(assets: string, version: string): Promise<QemuInstallation | undefined> {
  const all = await installations(join(assets, "vmm"));
  return all.find(({ installation }) => installation.version === version)?.installation;
}

interface Found {
  readonly installation: QemuInstallation;
  readonly changed: number;
}

async function installations(parent: string): Promise<Found[]> {
  const names = (await readdir(parent).catch(() => [] as string[])).filter((name) => name.startsWith("qemu-"));
  const found: Found[] = [];
  for (const name of names) {
    const root = join(parent, name);
    const program = await stat(join(root, QEMU_PROGRAM)).catch(() => undefined);
    const about = await readFile(join(root, "vmm.json"), "utf8").catch(() => undefined);
    if (!program || about === undefined) continue;
    const { version } = JSON.parse(about) as { version: string };
    found.push({ installation: { version, root }, changed: program.ctimeMs });
  }
  return found;
}
