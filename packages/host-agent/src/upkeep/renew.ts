/**
 * Renewing a generation: another of the same moment, whose memory is one layer, or whose disk has fewer, takes its place. It is made
 * beside the old one and exchanged with it in a single step, so at every moment one of them is there, whole. Layers are never changed:
 * a machine that runs over the old ones, and every generation that shares them, keeps them.
 */
import { chmod, link, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import { runInBackground } from "../commands/background.ts";
import { runCommand } from "../commands/run.ts";
import { flush, writeFlushed } from "../generations/durable.ts";
import { type Manifest, readManifest } from "../generations/generations.ts";
import { BASE_IMAGE, DISK_FOLDER, diskLayer, generationFiles, MEMORY_FOLDER } from "../generations/layout.ts";
import type { ManifestFile } from "../generations/manifest.ts";
import type { Parts } from "../sandboxes/parts.ts";
import { LIMITS, type Need, needOf } from "./need.ts";

export type RenewalParts = Pick<Parts, "assets" | "admission" | "rootDisk" | "intact" | "steps" | "logger">;

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o444;
/** Half of the 65,530 mappings that a process may have (vm.max_map_count), at 40 bytes each. */
const OVERLONG_MAP_BYTES = 32_000 * 40;

/** What of a generation may be renewed. */
export interface Reach {
  /** Not while a machine that was woken from it runs: the next generation will name the layers that this one had. */
  readonly memory: boolean;
  /** Not while a disk is being put together from it. */
  readonly disk: boolean;
}
export const ASLEEP: Reach = { memory: true, disk: true };
export const AWAKE: Reach = { memory: false, disk: true };

/**
 * Makes it short again, if it needs that. Whoever else would change or remove the folder must not do so meanwhile.
 * @returns whether it was renewed
 * @throws RoostError `disk_full`, …; the signal's reason: the old one is there then.
 */
export async function renewGeneration(
  parts: RenewalParts,
  folder: string,
  reach: Reach,
  signal: AbortSignal,
  limits = LIMITS,
): Promise<boolean> {
  const old = await readManifest(folder);
  const need = await needOf(folder, old, reach, limits);
  if (!need) return false;
  refuseWithoutRoom(parts, need);
  const fresh = `${folder}.renewed.new`; // What ends in .new is nothing, and is removed wherever it is found.
  const logger = parts.logger.child({ generation: folder });
  using steps = parts.steps("renew", logger);
  const step = <T>(name: string, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return steps.run(name, work);
  };
  try {
    await rm(fresh, { recursive: true, force: true });
    const memory = await step("memory", () =>
      need.compact ? compactMemory(parts, folder, fresh, signal) : linkMemory(folder, fresh, old),
    );
    const disk = await step("disk", () => placeDisk(parts, folder, fresh, old, need, signal));
    const manifest = await step("manifest", () => complete(folder, fresh, old, [...memory, ...disk]));
    await step("exchange", () => runCommand([keeper(parts), "exchange", fresh, folder]));
    await parts.intact.trust(folder, manifest);
    logger.info({ compacted: need.compact, layers: [old.disk.layers, manifest.disk.layers] }, "renewed");
    return true;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * Before a machine wakes from it: a map of so many pieces that the kernel would not map them all. Only who wakes a sandbox again and
 * again, without a rest in which it could be renewed, comes here.
 */
export async function shortenOverlong(parts: RenewalParts, folder: string, signal: AbortSignal): Promise<void> {
  if ((await stat(generationFiles(folder).map)).size < OVERLONG_MAP_BYTES) return;
  await renewGeneration(parts, folder, { memory: true, disk: false }, signal);
}

/** What runs needs the room more. */
function refuseWithoutRoom({ admission }: RenewalParts, { bytes }: Need): void {
  const freeBytes = admission.load().disk_free_mb * 1024 * 1024;
  if (2 * bytes < freeBytes) return;
  throw new RoostError("disk_full", `A generation is not renewed: of ${freeBytes} free bytes it would take ${bytes}.`);
}

async function compactMemory(
  parts: RenewalParts,
  folder: string,
  fresh: string,
  signal: AbortSignal,
): Promise<ManifestFile[]> {
  const { stdout } = await runInBackground([keeper(parts), "compact", folder, fresh], signal);
  const files = JSON.parse(stdout) as ManifestFile[];
  for (const { name } of files) await chmod(join(fresh, name), FILE_MODE);
  return files;
}

async function linkMemory(folder: string, fresh: string, { files }: Manifest): Promise<ManifestFile[]> {
  await mkdir(join(fresh, MEMORY_FOLDER), { recursive: true, mode: FOLDER_MODE });
  await link(generationFiles(folder).map, generationFiles(fresh).map);
  for (const name of await readdir(join(folder, MEMORY_FOLDER))) {
    await link(join(folder, MEMORY_FOLDER, name), join(fresh, MEMORY_FOLDER, name));
  }
  return files.filter(({ name }) => name === "memory.map" || name.startsWith(`${MEMORY_FOLDER}/`));
}

/** Its files are listed as sealing lists them: without checksums. */
async function placeDisk(
  { rootDisk }: RenewalParts,
  folder: string,
  fresh: string,
  { disk }: Manifest,
  { mergeFrom = disk.layers }: Need,
  signal: AbortSignal,
): Promise<ManifestFile[]> {
  await mkdir(join(fresh, DISK_FOLDER), { mode: FOLDER_MODE });
  await link(generationFiles(folder).base, generationFiles(fresh).base);
  const layers = Array.from({ length: disk.layers }, (_, index) => diskLayer(folder, index));
  for (const [index, layer] of layers.slice(0, mergeFrom).entries()) await link(layer, diskLayer(fresh, index));
  const merged = layers.slice(mergeFrom);
  if (merged.length > 0) await rootDisk.merge(merged, disk.size_bytes, diskLayer(fresh, mergeFrom), signal);
  const names = await readdir(join(fresh, DISK_FOLDER));
  return await Promise.all(
    names.map(async (name) => ({
      name: `${DISK_FOLDER}/${name}`,
      size: (await stat(join(fresh, DISK_FOLDER, name))).size,
    })),
  );
}

/** The rest, which is the same, and a manifest. All of it is on the disk then. */
async function complete(
  folder: string,
  fresh: string,
  old: Manifest,
  renewed: readonly ManifestFile[],
): Promise<Manifest> {
  const [from, to] = [generationFiles(folder), generationFiles(fresh)];
  await link(from.state, to.state);
  await link(from.workingSet, to.workingSet).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  const isKept = ({ name }: ManifestFile): boolean =>
    name !== "memory.map" && !name.startsWith(`${MEMORY_FOLDER}/`) && !name.startsWith(`${DISK_FOLDER}/`);
  const layers = renewed.filter(({ name }) => name.startsWith(`${DISK_FOLDER}/`) && !name.endsWith(BASE_IMAGE)).length;
  const files = [...old.files.filter(isKept), ...renewed].sort((one, other) => (one.name < other.name ? -1 : 1));
  const manifest: Manifest = { ...old, disk: { ...old.disk, layers }, files };
  await writeFlushed(to.manifest, JSON.stringify(manifest), FILE_MODE);
  for (const part of [MEMORY_FOLDER, DISK_FOLDER, ""]) await flush(join(fresh, part));
  return manifest;
}

function keeper({ assets }: RenewalParts): string {
  return join(assets, "bin", "roost-keeper");
}
