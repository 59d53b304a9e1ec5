/**
 * Files and folders that are there whole or not at all: built under a temporary name beside their place, flushed to the
 * disk, renamed, and the folder's own entry flushed.
 */
import { mkdir, mkdtemp, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Builds a folder by `build` and puts it at `path`, in place of what was there. One process at a time does so for one path; what one that
 * was killed has left beside it goes first, since it may be gigabytes.
 */
export async function placeFolder(path: string, build: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await removeParts(path);
  const part = await mkdtemp(join(dirname(path), `.${basename(path)}.`));
  try {
    const folder = join(part, "new");
    await mkdir(folder, { mode: 0o755 });
    await build(folder);
    await flushTree(folder);
    await rename(path, join(part, "old")).catch(ignoreMissing);
    await rename(folder, path);
    await flush(dirname(path));
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** As `mkdtemp` names them. */
async function removeParts(path: string): Promise<void> {
  const prefix = `.${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    if (name.startsWith(prefix) && /^[A-Za-z0-9]{6}$/.test(name.slice(prefix.length))) {
      await rm(join(dirname(path), name), { recursive: true, force: true });
    }
  }
}

/** Writes a file in one step; a reader sees the old content or the new, never a part. */
export async function placeFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = await mkdtemp(join(dirname(path), `.${basename(path)}.`));
  try {
    const temporary = join(part, "new");
    await using file = await open(temporary, "wx", mode);
    await file.writeFile(content);
    await file.chmod(mode);
    await file.sync();
    await rename(temporary, path);
    await flush(dirname(path));
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** Flushes one file, or one folder's entries. */
export async function flush(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

async function flushTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await flushTree(path);
    else if (entry.isFile()) await flush(path);
  }
  await flush(folder);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
