/** Where a generation's files are in its folder; `docs/formats/generation.md` is the contract. */
import { join } from "node:path";

export const MANIFEST = "manifest.json";
/** Folder names, and where links to a generation's parts are made. */
export const MEMORY_FOLDER = "memory";
export const DISK_FOLDER = "disk";
export const BASE_IMAGE = "base.ext4";

export interface GenerationFiles {
  readonly manifest: string;
  readonly state: string;
  readonly map: string;
  /** Folder with the layers, `<layer id>.layer`. */
  readonly layers: string;
  readonly workingSet: string;
  /** The base image below all layers of the disk. */
  readonly base: string;
}

export function generationFiles(folder: string): GenerationFiles {
  return {
    manifest: join(folder, MANIFEST),
    state: join(folder, "vmstate"),
    map: join(folder, "memory.map"),
    layers: join(folder, MEMORY_FOLDER),
    workingSet: join(folder, "working-set"),
    base: join(folder, DISK_FOLDER, BASE_IMAGE),
  };
}

/** The frozen layer `index` of a generation's disk, counted from the lowest. */
export function diskLayer(folder: string, index: number): string {
  return join(folder, DISK_FOLDER, `${index}.qcow2`);
}
