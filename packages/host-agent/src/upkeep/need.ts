/**
 * What has grown too long in a generation: a map of many pieces or layers makes every wake slower, and layers that are mostly
 * overwritten take room on the disk; every layer of a disk slows what is read through it.
 */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "../generations/generations.ts";
import { diskLayer, generationFiles, MEMORY_FOLDER } from "../generations/layout.ts";
import { type MapSummary, summarizeMap } from "../generations/memory-map.ts";

/** What is not too long yet. */
export interface Limits {
  /** Pieces of the memory's map. */
  readonly entries: number;
  readonly memoryLayers: number;
  readonly diskLayers: number;
}
export const LIMITS: Limits = { entries: 4000, memoryLayers: 32, diskLayers: 4 };
const BLOCK_BYTES = 512;

export interface Need {
  /** All of the memory's layers are to become one. */
  readonly compact: boolean;
  /** The disk's layers from this one on, counted from the lowest, are to become one. */
  readonly mergeFrom: number | undefined;
  /** What that will take on the disk, at most, before the old gives room. */
  readonly bytes: number;
}

/** Undefined: there is no need for what may be done. */
export async function needOf(
  folder: string,
  manifest: Manifest,
  may: { readonly memory: boolean; readonly disk: boolean },
  limits: Limits,
): Promise<Need | undefined> {
  const map = await summarizeMap(generationFiles(folder).map);
  const compact = may.memory && isTooLong(map, await ownMemoryBytes(folder, map), limits);
  const sizes = await Promise.all(
    Array.from({ length: manifest.disk.layers }, async (_, index) => allocated(await lstat(diskLayer(folder, index)))),
  );
  const mergeFrom = may.disk ? lowestToMerge(sizes, limits) : undefined;
  if (!compact && mergeFrom === undefined) return undefined;
  const merged = mergeFrom === undefined ? 0 : sum(sizes.slice(mergeFrom));
  return { compact, mergeFrom, bytes: merged + (compact ? map.heldBytes : 0) };
}

/** @param ownBytes what its layers take on the disk that no other generation shares */
export function isTooLong(map: MapSummary, ownBytes: number, limits: Limits): boolean {
  if (map.layers.size < 2) return false; // It cannot be any shorter.
  // Memory that is zero in many places has many pieces by itself: without a gain it would be rewritten for nothing, again and again.
  const inPieces = map.entries > limits.entries && map.entries > 2 * map.leastEntries;
  return inPieces || map.layers.size > limits.memoryLayers || ownBytes > 2 * map.heldBytes;
}

/**
 * From the topmost down, as long as a layer is not much larger than what is to be merged already: so a large layer is not rewritten
 * for every few small ones that come on top of it.
 * @param sizes of the layers, the lowest first
 */
export function lowestToMerge(sizes: readonly number[], { diskLayers }: Limits): number | undefined {
  if (sizes.length <= diskLayers) return undefined;
  let from = sizes.length - 2;
  while (from > 0 && (sizes[from - 1] ?? 0) <= 2 * sum(sizes.slice(from))) from--;
  return from;
}

async function ownMemoryBytes(folder: string, { layers }: MapSummary): Promise<number> {
  let bytes = 0;
  for (const id of layers) {
    const facts = await lstat(join(folder, MEMORY_FOLDER, `${id}.layer`));
    if (facts.nlink === 1) bytes += allocated(facts);
  }
  return bytes;
}

function allocated({ blocks }: { readonly blocks: number }): number {
  return blocks * BLOCK_BYTES;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => one + other, 0);
}
