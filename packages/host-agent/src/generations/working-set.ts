/**
 * The working set of a generation: an optional file beside the frozen moment, given to it once. Whoever else has the same moment is
 * found by its manifest: generations that were linked from one another share that file (docs/formats/generation.md).
 */
import { constants } from "node:fs";
import { link, open, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import { generationFiles } from "./layout.ts";

/** A run of pages is 16 bytes: a set of more than a terabyte's worth is none. */
const LIMIT_BYTES = 64 * 1024 * 1024;
const FILE_MODE = 0o444;

/**
 * Gives what a keeper has recorded to every one of `generations` that has no working set yet; one that is gone is passed over.
 * @param recorded written by the sandbox's user, who may still have it open: so it is copied.
 * @param temporary a name on the file system of the generations, in a folder that nobody else writes to.
 */
export async function giveWorkingSet(
  recorded: string,
  temporary: string,
  generations: readonly string[],
): Promise<void> {
  const content = await readRecorded(recorded);
  await rm(temporary, { force: true });
  try {
    {
      await using file = await open(temporary, "wx", FILE_MODE);
      await file.writeFile(content);
      await file.sync();
    }
    for (const folder of generations) {
      await link(temporary, generationFiles(folder).workingSet).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST" && error.code !== "ENOENT") throw error;
      });
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

export async function hasWorkingSet(generation: string): Promise<boolean> {
  return (await stat(generationFiles(generation).workingSet).catch(() => undefined)) !== undefined;
}

/** The generations among the folders in `places` that are the same moment as `generation`. */
export async function findTwins(generation: string, places: readonly string[]): Promise<string[]> {
  const own = await stat(generationFiles(generation).manifest);
  if (own.nlink === 1) return [];
  const twins: string[] = [];
  for (const place of places) {
    for (const name of await readdir(place).catch(() => [] as string[])) {
      const folder = join(place, name);
      if (folder === generation || name.endsWith(".new")) continue;
      const other = await stat(generationFiles(folder).manifest).catch(() => undefined);
      if (other?.ino === own.ino && other.dev === own.dev) twins.push(folder);
    }
  }
  return twins;
}

/** Bounded, and never what a link leads to. */
async function readRecorded(path: string): Promise<Buffer> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const facts = await file.stat();
  if (!facts.isFile() || facts.size > LIMIT_BYTES) {
    throw new RoostError("internal", `What was recorded in ${dirname(path)} is no working set.`);
  }
  const content = Buffer.alloc(facts.size);
  const { bytesRead } = await file.read(content, 0, content.length, 0);
  return content.subarray(0, bytesRead);
}
