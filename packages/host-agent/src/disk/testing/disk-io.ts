/** Reading and writing a disk as a VMM does, each format and each layer below told explicitly: by QEMU's own tools. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { runCommand } from "../../commands/run.ts";
import type { AttachedDisk } from "../root-disk.ts";

interface Node {
  readonly driver: string;
  readonly file: { readonly driver: "file"; readonly filename: string };
  readonly backing?: Node;
}

/** The topmost node of a disk, in QEMU's notation for a file name. */
export function imageName(disk: AttachedDisk): string {
  const node = disk.files.reduce<Node | undefined>(
    (below, { source, format }) => ({
      driver: format,
      file: { driver: "file", filename: source },
      ...(below === undefined ? {} : { backing: below }),
    }),
    undefined,
  );
  return `json:${JSON.stringify(node)}`;
}

/** Fills a range with one byte. */
export async function writeByte(disk: AttachedDisk, byte: number, offset: number, length: number): Promise<void> {
  await runCommand(["qemu-io", "-c", `write -P ${byte} ${offset} ${length}`, imageName(disk)]);
}

/** @throws CommandError when a range is not filled with this byte. */
export async function expectByte(disk: AttachedDisk, byte: number, offset: number, length: number): Promise<void> {
  await runCommand(["qemu-io", "-r", "-c", `read -P ${byte} ${offset} ${length}`, imageName(disk)]);
}

/** @throws CommandError when the disk does not read as this raw file does. */
export async function expectSameAs(disk: AttachedDisk, raw: string): Promise<void> {
  await runCommand(["qemu-img", "compare", "-F", "raw", imageName(disk), raw]);
}

export async function checksum(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
