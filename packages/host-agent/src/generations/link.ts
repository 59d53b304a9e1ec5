/** A generation once more, in another place, for another owner: the same files by hard link. */
import { constants } from "node:fs";
import { link, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { flush, flushAll } from "./durable.ts";
import { DISK_FOLDER, MEMORY_FOLDER } from "./layout.ts";

/**
 * Appears whole, or not at all; whatever stood at `<to>.new` is removed.
 * @param durable whether it is to survive a loss of power from the moment this resolves. Otherwise it does so when the file
 * system gets to it: in order, so that nothing that comes later is there without it.
 */
export async function linkGeneration(from: string, to: string, { durable }: { durable: boolean }): Promise<void> {
  const fresh = `${to}.new`;
  try {
    await linkWhole(from, fresh);
    if (durable) await flushAll([MEMORY_FOLDER, DISK_FOLDER, ""].map((folder) => join(fresh, folder)));
    await rename(fresh, to);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
  if (durable) await flush(dirname(to));
}

/**
 * It may be renewed (upkeep/renew.ts) in the middle. The folder that was found first is held open: all is linked from that one, or, when it is
 * removed before, from the one that took its place.
 */
async function linkWhole(from: string, fresh: string): Promise<void> {
  for (;;) {
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    await using source = await open(from, constants.O_RDONLY | constants.O_DIRECTORY);
    const held = `/proc/self/fd/${source.fd}`;
    try {
      for (const folder of ["", MEMORY_FOLDER, DISK_FOLDER]) await linkFiles(join(held, folder), join(fresh, folder));
      return;
    } catch (error) {
      const [now, then] = await Promise.all([stat(from), source.stat()]);
      if (now.ino === then.ino) throw error;
    }
  }
}

async function linkFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.isFile()) await link(join(from, entry.name), join(to, entry.name));
  }
}
