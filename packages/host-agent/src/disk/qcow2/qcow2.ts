/**
 * Root disks as qcow2 layers over a raw base, for machines whose kernel has no device-mapper (D5). The VMM does the copying on
 * write; the kernel holds nothing of such a disk, so attaching and detaching it is nothing but looking.
 *
 * Create does no disk sync: a layer that a power cut takes belongs to a sandbox that was never acknowledged or is lost with its memory.
 */
import { constants } from "node:fs";
import { lstat, open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import type { AttachedDisk, RootDisk } from "../root-disk.ts";
import { emptyLayer, JUDGED_BYTES, judgeLayer, MAX_DISK_BYTES } from "./header.ts";

/** The layer's name in its sandbox's folder. */
export const LAYER_FILE = "disk.qcow2";
const BLOCK_BYTES = 512;

export class Qcow2Disk implements RootDisk {
  readonly name = "qcow2";

  async create(base: string, folder: string, uid: number, signal?: AbortSignal): Promise<AttachedDisk> {
    const sizeBytes = await baseSize(base);
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
      return describe(base, layer, sizeBytes);
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(layer, { force: true });
      throw signal?.aborted ? error : failure("create the disk", error);
    }
  }

  async attach(base: string, folder: string, uid: number, signal?: AbortSignal): Promise<AttachedDisk> {
    const sizeBytes = await baseSize(base);
    signal?.throwIfAborted();
    const layer = join(folder, LAYER_FILE);
    try {
      // The file belonged to a VMM: a link in its place would lead us, root, elsewhere.
      await using file = await open(layer, constants.O_RDWR | constants.O_NOFOLLOW);
      if (!(await file.stat()).isFile()) throw new RoostError("internal", `the disk layer ${layer} is not a file`);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(JUDGED_BYTES), 0, JUDGED_BYTES, 0);
      const fault = judgeLayer(buffer.subarray(0, bytesRead), sizeBytes);
      if (fault !== undefined) throw new RoostError("internal", `the disk layer ${layer} cannot be used: ${fault}`);
      await file.chown(uid, uid);
      return describe(base, layer, sizeBytes);
    } catch (error) {
      throw failure("attach the disk", error);
    }
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

function describe(base: string, layer: string, sizeBytes: number): AttachedDisk {
  return {
    files: [
      { source: base, format: "raw", readOnly: true },
      { source: layer, format: "qcow2", readOnly: false },
    ],
    sizeBytes,
  };
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
