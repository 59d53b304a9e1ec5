/** Making what is on disk survive a loss of power. */
import { open } from "node:fs/promises";

/** For files: their content. For folders: the names in them. */
export async function flush(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

/** All of them at once: the disk takes hardly longer for several than for one. */
export async function flushAll(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map(flush));
}

/** A file with this content, flushed. */
export async function writeFlushed(path: string, content: string, mode: number): Promise<void> {
  await using file = await open(path, "wx", mode);
  await file.writeFile(content);
  await file.sync();
}
