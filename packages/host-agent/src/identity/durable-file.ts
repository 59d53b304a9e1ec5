/** A file that is whole, or not there: written under a temporary name, flushed, renamed, and its folder flushed. */
import { open, rename } from "node:fs/promises";
import { join } from "node:path";

const PRIVATE = 0o600;

/** When this resolves, the content survives a loss of power. Readable by its owner alone. */
export async function writeDurably(folder: string, name: string, content: string): Promise<void> {
  const path = join(folder, name);
  const temporary = `${path}.new`;
  {
    await using file = await open(temporary, "w", PRIVATE);
    await file.chmod(PRIVATE);
    await file.writeFile(content);
    await file.sync();
  }
  await rename(temporary, path);
  await using directory = await open(folder, "r");
  await directory.sync();
}
