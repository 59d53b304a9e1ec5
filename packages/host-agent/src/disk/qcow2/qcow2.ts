/**
 * Root disks as qcow2 layers over a raw base, for machines whose kernel has no device-mapper (D5). The VMM does the copying on
 * write; the kernel holds nothing of such a disk, so attaching and detaching it is nothing but looking.
 *
 * Create does no disk sync: a layer that a power cut takes belongs to a sandbox that was never acknowledged or is lost with its memory.
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, link, lstat, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import type { AttachedDisk, DiskChain, RootDisk } from "../root-disk.ts";
import { emptyLayer, JUDGED_BYTES, judgeLayer, MAX_DISK_BYTES } from "./header.ts";
import { LayerRewriter } from "./rewrite.ts";

/** The layer's name in its sandbox's folder. */
export const LAYER_FILE = "disk.qcow2";
const ASIDE_FILE = "disk.aside.qcow2";
const BLOCK_BYTES = 512;

export class Qcow2Disk implements RootDisk {
  readonly name = "qcow2";
  readonly #rewriter: LayerRewriter;

  /** @param program path of `roost-disk` */
  constructor(program: string) {
    this.#rewriter = new LayerRewriter(program);
  }

  async create(chain: DiskChain, folder: string, uid: number, signal?: AbortSignal): Promise<AttachedDisk> {
    const sizeBytes = await chainSize(chain);
    signal?.throwIfAborted();
    const layer = join(folder, LAYER_FILE);
    // Exclusive: what is there already belongs to someone, and is not touched by the clean-up below either.
    const file = await open(layer, "wx", 0o600).catch((error: unknown) => {
      throw failure("create the disk", error);
    });
    try {
      const { fileBytes, parts } = emptyLayer(sizeBytes);
      for (const { offset, bytes } of parts) await file.write(bytes, 0, bytes.length, offset);
      await file.truncate(fileBytes);
      await file.chown(uid, uid);
      await file.close();
      signal?.throwIfAborted();
      return describe(chain, layer, sizeBytes);
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(layer, { force: true });
      throw signal?.aborted ? error : failure("create the disk", error);
    }
  }

  async attach(chain: DiskChain, folder: string, uid: number, signal?: AbortSignal): Promise<AttachedDisk> {
    const sizeBytes = await chainSize(chain);
    signal?.throwIfAborted();
    const layer = join(folder, LAYER_FILE);
    try {
      await using file = await openLayer(layer, constants.O_RDWR, sizeBytes);
      await file.chown(uid, uid);
      await file.chmod(0o600); // It may have been frozen by a pause that was cut short.
      return describe(chain, layer, sizeBytes);
    } catch (error) {
      throw failure("attach the disk", error);
    }
  }

  async freeze(folder: string, to: string): Promise<void> {
    const layer = join(folder, LAYER_FILE);
    try {
      await using file = await open(layer, constants.O_RDONLY | constants.O_NOFOLLOW);
      await file.sync();
      await file.chown(0, 0);
      await file.chmod(0o444);
      await link(layer, to);
    } catch (error) {
      throw failure("freeze the disk", error);
    }
  }

  async merge(layers: readonly string[], sizeBytes: number, to: string, signal: AbortSignal): Promise<void> {
    await this.#rewriter.merge(layers, sizeBytes, to, signal);
  }

  async flatten(chain: DiskChain, to: string, signal: AbortSignal): Promise<void> {
    await chainSize(chain);
    await this.#rewriter.flatten(chain, to, signal);
  }

  async hasLayerOver({ layers }: DiskChain, folder: string): Promise<boolean> {
    const [own, last] = await Promise.all([facts(join(folder, LAYER_FILE)), facts(layers.at(-1) ?? "")]);
    return own !== undefined && !(own.ino === last?.ino && own.dev === last.dev);
  }

  async setAside(folder: string): Promise<void> {
    await move(join(folder, LAYER_FILE), join(folder, ASIDE_FILE));
  }

  async putBack(folder: string): Promise<void> {
    await move(join(folder, ASIDE_FILE), join(folder, LAYER_FILE));
  }

  async dropAside(folder: string): Promise<void> {
    await rm(join(folder, ASIDE_FILE), { force: true });
  }

  async detach(): Promise<void> {}

  async remove(folder: string): Promise<void> {
    await rm(join(folder, LAYER_FILE), { force: true }).catch((error: unknown) => {
      throw failure("remove the disk", error);
    });
  }

  async usage(folder: string): Promise<number> {
    try {
      return (await lstat(join(folder, LAYER_FILE))).blocks * BLOCK_BYTES;
    } catch (error) {
      throw failure("measure the disk", error);
    }
  }
}

async function facts(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch(() => undefined);
}

/** One that is not there is as good as moved. */
async function move(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw failure("set the disk aside", error);
  });
}

function describe({ base, layers }: DiskChain, layer: string, sizeBytes: number): AttachedDisk {
  return {
    files: [
      { source: base, format: "raw", readOnly: true },
      ...layers.map((source) => ({ source, format: "qcow2", readOnly: true }) as const),
      { source: layer, format: "qcow2", readOnly: false },
    ],
    sizeBytes,
  };
}

/** The size of the base. Each layer over it is looked at: what a VMM has written is not believed. */
async function chainSize({ base, layers }: DiskChain): Promise<number> {
  const sizeBytes = await baseSize(base);
  for (const layer of layers) {
    await using _ = await openLayer(layer, constants.O_RDONLY, sizeBytes).catch((error: unknown) => {
      throw failure(`use the disk layer ${layer}`, error);
    });
  }
  return sizeBytes;
}

/** A layer's file, once its header was judged. It belonged to a VMM: a link in its place would lead us, root, elsewhere. */
async function openLayer(path: string, flags: number, sizeBytes: number): Promise<FileHandle> {
  const file = await open(path, flags | constants.O_NOFOLLOW);
  try {
    if (!(await file.stat()).isFile()) throw new RoostError("internal", `the disk layer ${path} is not a file`);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(JUDGED_BYTES), 0, JUDGED_BYTES, 0);
    const fault = judgeLayer(buffer.subarray(0, bytesRead), sizeBytes);
    if (fault !== undefined) throw new RoostError("internal", `the disk layer ${path} cannot be used: ${fault}`);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function baseSize(base: string): Promise<number> {
  const found = await stat(base).catch((error: unknown) => {
    throw failure(`read the base image ${base}`, error);
  });
  if (!found.isFile()) throw new RoostError("not_found", `the base image ${base} is not a file`);
  const fits = found.size > 0 && found.size % BLOCK_BYTES === 0 && found.size <= MAX_DISK_BYTES;
  if (!fits)
    throw new RoostError("internal", `the base image ${base} has ${found.size} bytes, which is no disk's size`);
  return found.size;
}

function failure(attempt: string, error: unknown): RoostError {
  if (error instanceof RoostError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  if (code === "EEXIST")
    return new RoostError("conflict", `could not ${attempt}: there is one already`, { cause: error });
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new RoostError("disk_full", `could not ${attempt}: the disk of this host is full`, { cause: error });
  }
  return new RoostError(code === "ENOENT" ? "not_found" : "internal", `could not ${attempt}: ${reason}`, {
    cause: error,
  });
}
