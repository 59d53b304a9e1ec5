/** A generation once more, in another place, for another owner: the same files by hard link. */
import { copyFile, link, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { flush } from "./durable.ts";
import { DISK_FOLDER, generationFiles, MEMORY_FOLDER } from "./layout.ts";

/**
 * Appears whole, or not at all; whatever stood at `<to>.new` is removed.
 * @param durable whether it is to survive a loss of power from the moment this resolves. Otherwise it does so when the file
 * system gets to it: in order, so that nothing that comes later is there without it.
 */
export async function linkGeneration(from: string, to: string, { durable }: { durable: boolean }): Promise<void> {
  const fresh = `${to}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true, mode: 0o700 });
  try {
    for (const folder of ["", MEMORY_FOLDER, DISK_FOLDER]) await linkFiles(join(from, folder), join(fresh, folder));
    if (durable) for (const folder of [MEMORY_FOLDER, DISK_FOLDER, ""]) await flush(join(fresh, folder));
    await rename(fresh, to);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
  if (durable) await flush(dirname(to));
}

async function linkFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    // The working set is rewritten by each owner as it likes.
    if (source === generationFiles(from).workingSet) await copyFile(source, join(to, entry.name));
    else if (entry.isFile()) await link(source, join(to, entry.name));
  }
}
