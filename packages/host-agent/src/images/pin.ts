/**
 * A base image held for a sandbox: a hard link in its own folder. An installation that is brought up to date replaces images; what
 * was made over the old one keeps it.
 */
import { link, mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import { CommandError, runCommand } from "../commands/run.ts";
import type { BaseImage } from "./images.ts";

/** Hundreds of megabytes, from a slow disk to a slow disk. */
const COPY_LIMIT_MS = 10 * 60_000;

/**
 * @param copies where a copy is kept when the image lies on another file system than the sandboxes, which allows no link.
 * @param to must not exist.
 */
export async function pinImage(image: BaseImage, copies: string, to: string): Promise<void> {
  try {
    await link(image.path, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw refused(image, error);
    await link(await keptCopy(image, copies), to).catch((cause: unknown) => {
      throw refused(image, cause);
    });
  }
}

/** The copy of exactly this image, made when it is first needed. Whoever makes it at the same time makes the same. */
async function keptCopy(image: BaseImage, copies: string): Promise<string> {
  const path = join(copies, `${image.name}-${image.identity}.ext4`);
  if (await stat(path).catch(() => undefined)) return path;
  await mkdir(copies, { recursive: true, mode: 0o700 });
  const fresh = `${path}.${process.pid}.${performance.now()}.new`;
  try {
    // Node's own copy would fill the holes, which are most of an image.
    await runCommand(["cp", "--reflink=auto", "--sparse=always", image.path, fresh], { timeoutMs: COPY_LIMIT_MS });
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw refused(image, error);
  }
  return path;
}

function refused(image: BaseImage, cause: unknown): RoostError {
  const code = (cause as NodeJS.ErrnoException).code;
  const isFull = cause instanceof CommandError && /No space left|quota exceeded/i.test(cause.stderr);
  if (code === "ENOSPC" || code === "EDQUOT" || isFull) {
    return new RoostError("disk_full", "The disk of this host is full.", { cause });
  }
  return new RoostError("internal", `The base image ${image.name} cannot be used.`, { cause });
}
