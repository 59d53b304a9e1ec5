/** Giving a generation up. */
import { rename, rm } from "node:fs/promises";

/** Idempotent. It is gone at once, whole, also if the machine dies in the middle. */
export async function removeGeneration(folder: string): Promise<void> {
  const going = `${folder}.new`; // What has this name is nothing, and is removed wherever it is found.
  await rm(going, { recursive: true, force: true });
  await rename(folder, going).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rm(going, { recursive: true, force: true });
}
