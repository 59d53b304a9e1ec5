/** What all machines by hand are made from: found beside a machine of Roost's, before anything is measured. */
import { copyFile, link, mkdir, open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { emptyLayer } from "@roost/host-agent/testing";
import { commandLineOf } from "./command-line.ts";

export interface FloorGround {
  /** Path of `roost-bench`. */
  readonly program: string;
  /** The folder that is QEMU's root. */
  readonly root: string;
  /** Folder with the guest's kernel and initramfs. */
  readonly kernel: string;
  /** Of a machine of Roost's with the same shape. */
  readonly commandLine: readonly string[];
  /** These are in the folder of the machines, so that they can be linked. */
  readonly preload: string;
  readonly base: string;
  readonly emptyLayer: string;
  /** A path for a machine's folder, which is not there yet. */
  readonly newFolder: () => string;
  /** Told how long a machine's steps took. */
  readonly onPhases: (milliseconds: Readonly<Record<string, number>>) => void;
}

export interface FloorGroundOptions {
  readonly program: string;
  /** Where kernel, VMM and programs are. */
  readonly assets: string;
  /** For the machines; on the same file system as Roost's data. */
  readonly folder: string;
  /** A running machine of Roost's: its process, and the image that it was made from. */
  readonly onPhases: FloorGround["onPhases"];
  readonly example: { readonly vmm: number; readonly base: string };
}

export async function openFloorGround(options: FloorGroundOptions): Promise<FloorGround> {
  const { program, assets, folder, example, onPhases } = options;
  await mkdir(folder, { recursive: true });
  const [preload, base, layer] = ["preload.so", "base.ext4", "empty.qcow2"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await copyFile(join(assets, "bin", "libroost_qemu_preload.so"), preload);
  await link(example.base, base);
  await writeEmptyLayer(layer, (await stat(base)).size);
  let machines = 0;
  const { root, kernel } = await foldersOf(example.vmm, assets);
  return {
    ...{ program, root, kernel, preload, base, emptyLayer: layer },
    commandLine: await commandLineOf(example.vmm),
    onPhases,
    newFolder: () => join(folder, String(machines++)),
  };
}

async function writeEmptyLayer(path: string, sizeBytes: number): Promise<void> {
  const { fileBytes, parts } = emptyLayer(sizeBytes);
  await using file = await open(path, "wx");
  for (const { offset, bytes } of parts) await file.write(bytes, 0, bytes.length, offset);
  await file.truncate(fileBytes);
}

/** A mount's line tells which folder of its file system it shows; that ends as the folder's path does. */
async function foldersOf(vmm: number, assets: string): Promise<{ root: string; kernel: string }> {
  const mounts = (await readFile(`/proc/${vmm}/mountinfo`, "utf8")).split("\n").map((line) => line.split(" "));
  const shown = (at: string): string => {
    const path = mounts.findLast((fields) => fields[4] === at)?.[3];
    if (path === undefined) throw new Error(`nothing is mounted at ${at} for the VMM`);
    return join(assets, path.slice(path.lastIndexOf("/", path.lastIndexOf("/") - 1)));
  };
  return { root: shown("/"), kernel: shown("/kernel") };
}
