/** From a generation of Roost's to what a machine by hand is started from. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Origin } from "../floor/machine.ts";

interface Manifest {
  readonly memory_mb: number;
  readonly disk: { readonly layers: number };
}

export async function originOf(generation: string): Promise<Origin> {
  const { memory_mb, disk } = JSON.parse(await readFile(join(generation, "manifest.json"), "utf8")) as Manifest;
  const layers = Array.from({ length: disk.layers }, (_, index) => join(generation, "disk", `${index}.qcow2`));
  return { memoryMb: memory_mb, generation, disk: [join(generation, "disk", "base.ext4"), ...layers] };
}

/** Of a paused sandbox, by its data folder. */
export async function newestOrigin(sandboxFolder: string): Promise<Origin> {
  const folder = join(sandboxFolder, "generations");
  const newest = Math.max(...(await readdir(folder)).filter((name) => /^\d+$/.test(name)).map(Number));
  return await originOf(join(folder, String(newest)));
}
