/**
 * From what a keeper has saved and a frozen disk layer to a generation. When `sealGeneration` resolves, it survives a loss of power;
 * when it rejects, there is nothing of it.
 */
import { chmod, chown, glob, link, lstat, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SavedMachine } from "../keeper/keeper-config.ts";
import { flush, flushAll } from "./durable.ts";
import { BASE_IMAGE, DISK_FOLDER, diskLayer, generationFiles, MANIFEST, MEMORY_FOLDER } from "./layout.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";
import { summarizeMap } from "./memory-map.ts";

export interface Sealing {
  /** The folder that the keeper has written, on the same file system; it becomes the generation's. */
  readonly saved: string;
  readonly machine: SavedMachine;
  /** The generation that the machine was woken from. */
  readonly parent: string | undefined;
  /** What its parent's manifest says of the files that both have. */
  readonly inherited: readonly ManifestFile[];
  /** Base image and frozen layers of the disk, the lowest first; flushed. */
  readonly disk: { readonly base: string; readonly layers: readonly string[] };
  readonly facts: Omit<Manifest, "version" | "files">;
  /** Files and folders that have to survive with it. */
  readonly besides: readonly string[];
}

const FILE_MODE = 0o444;
const FOLDER_MODE = 0o700;

/** @param to where the generation is to be. That the folder above its own is durable is the caller's business. */
export async function sealGeneration(sealing: Sealing, to: string): Promise<void> {
  const fresh = `${to}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(dirname(to), { recursive: true, mode: FOLDER_MODE });
  await rename(sealing.saved, fresh);
  try {
    await own(fresh);
    await mkdir(join(fresh, DISK_FOLDER), { mode: FOLDER_MODE });
    await mkdir(join(fresh, MEMORY_FOLDER), { recursive: true, mode: FOLDER_MODE });
    await linkMemory(sealing, fresh);
    await linkDisk(sealing, fresh);
    const manifest: Manifest = { version: 1, ...sealing.facts, files: await listFiles(sealing, fresh) };
    await writeFile(join(fresh, MANIFEST), JSON.stringify(manifest), { flag: "wx", mode: FILE_MODE });
    const parts = [MANIFEST, MEMORY_FOLDER, DISK_FOLDER, ""].map((name) => join(fresh, name));
    await flushAll([...parts, ...sealing.besides]);
    await rename(fresh, to);
    await flush(dirname(to));
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

/** The keeper wrote as the sandbox's user, who is not to reach it any more. */
async function own(folder: string): Promise<void> {
  const names = await Array.fromAsync(glob("**", { cwd: folder }));
  for (const path of [folder, ...names.map((name) => join(folder, name))]) {
    const isFolder = (await lstat(path)).isDirectory();
    await chown(path, 0, 0);
    await chmod(path, isFolder ? FOLDER_MODE : FILE_MODE);
  }
}

/** The layers of earlier generations that still hold memory of this one. */
async function linkMemory({ parent, machine }: Sealing, fresh: string): Promise<void> {
  if (parent === undefined) return;
  const { layers } = await summarizeMap(generationFiles(fresh).map);
  for (const id of layers) {
    if (id === machine.layerId) continue;
    const name = `${id}.layer`;
    await link(join(generationFiles(parent).layers, name), join(fresh, MEMORY_FOLDER, name));
  }
}

async function linkDisk({ disk }: Sealing, fresh: string): Promise<void> {
  await link(disk.base, join(fresh, DISK_FOLDER, BASE_IMAGE));
  for (const [index, layer] of disk.layers.entries()) await link(layer, diskLayer(fresh, index));
}

async function listFiles({ machine, inherited }: Sealing, folder: string): Promise<ManifestFile[]> {
  const layers = inherited.filter(({ name }) => name.startsWith(`${MEMORY_FOLDER}/`));
  const checksums = new Map([...layers, ...machine.files].map(({ name, checksum }) => [name, checksum]));
  const files: ManifestFile[] = [];
  for await (const name of glob("**", { cwd: folder })) {
    const facts = await lstat(join(folder, name));
    const checksum = checksums.get(name);
    if (facts.isFile()) files.push({ name, size: facts.size, ...(checksum === undefined ? {} : { checksum }) });
  }
  return files.sort((one, other) => (one.name < other.name ? -1 : 1));
}
