/** What a generation takes on the disk. */
import { glob, lstat } from "node:fs/promises";
import { join } from "node:path";

/** `st_blocks` counts in these, whatever the file system's own (stat(2)). */
const BLOCK_BYTES = 512;

export interface GenerationSize {
  /** Of all its files, in allocated blocks (D4). */
  readonly totalBytes: number;
  /** Of those that nothing else shares: what removing it gives back. */
  readonly ownBytes: number;
}

export async function generationSize(folder: string): Promise<GenerationSize> {
  let totalBytes = 0;
  let ownBytes = 0;
  for await (const name of glob("**", { cwd: folder })) {
    const facts = await lstat(join(folder, name));
    if (!facts.isFile()) continue;
    totalBytes += facts.blocks * BLOCK_BYTES;
    if (facts.nlink === 1) ownBytes += facts.blocks * BLOCK_BYTES;
  }
  return { totalBytes, ownBytes };
}
