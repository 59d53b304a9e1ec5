/** A sandbox's own generations, in `generations/<number>` of its data folder. The highest number is what it wakes from. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DiskChain } from "../disk/root-disk.ts";
import { generationFiles, type Manifest, readManifest } from "../generations/generations.ts";
import { diskLayer } from "../generations/layout.ts";

export const GENERATIONS_FOLDER = "generations";

export interface OwnGeneration {
  readonly number: number;
  readonly folder: string;
}

export function generationFolder(dataFolder: string, number: number): string {
  return join(dataFolder, GENERATIONS_FOLDER, String(number));
}

/** @returns undefined when it was never paused, nor made from a generation. */
export async function newestGeneration(dataFolder: string): Promise<OwnGeneration | undefined> {
  const number = (await numbers(dataFolder)).at(-1);
  return number === undefined ? undefined : { number, folder: generationFolder(dataFolder, number) };
}

/** Removes all but the newest, and what never became one. */
export async function removeOldGenerations(dataFolder: string): Promise<void> {
  const newest = (await numbers(dataFolder)).at(-1);
  for (const name of await names(dataFolder)) {
    if (name !== String(newest)) await rm(join(dataFolder, GENERATIONS_FOLDER, name), { recursive: true, force: true });
  }
}

/** Removes what never became a generation. */
export async function removeUnfinished(dataFolder: string): Promise<void> {
  for (const name of await names(dataFolder)) {
    if (name.endsWith(".new")) await rm(join(dataFolder, GENERATIONS_FOLDER, name), { recursive: true, force: true });
  }
}

/** What a fresh layer is put on to go on from this generation. */
export function chainOf({ folder }: OwnGeneration, { disk }: Manifest): DiskChain {
  const layers = Array.from({ length: disk.layers }, (_, index) => diskLayer(folder, index));
  return { base: generationFiles(folder).base, layers };
}

/** The chain below a sandbox's own layer: that of its newest generation, or its base image alone. */
export async function chainBelow(dataFolder: string): Promise<DiskChain> {
  const newest = await newestGeneration(dataFolder);
  return chainFrom(dataFolder, newest, newest && (await readManifest(newest.folder)));
}

/** The same, for who has read the newest generation's manifest already. */
export function chainFrom(dataFolder: string, newest?: OwnGeneration, manifest?: Manifest): DiskChain {
  return newest && manifest ? chainOf(newest, manifest) : { base: basePath(dataFolder), layers: [] };
}

/** Where the base image of a sandbox is held that began with one. */
export function basePath(dataFolder: string): string {
  return join(dataFolder, "base.ext4");
}

async function numbers(dataFolder: string): Promise<number[]> {
  const all = await names(dataFolder);
  return all
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((one, other) => one - other);
}

async function names(dataFolder: string): Promise<string[]> {
  return await readdir(join(dataFolder, GENERATIONS_FOLDER)).catch(() => []);
}
