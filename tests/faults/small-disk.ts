/** A small file system of a test's own, to be ROOST_DATA, which can be filled up to the last block. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, open, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface SmallDisk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly folder: string;
  /** Fills it, but for so many bytes. */
  leave(bytes: number): Promise<void>;
}

export async function makeSmallDisk(parent: string, megabytes: number): Promise<SmallDisk> {
  await using stack = new AsyncDisposableStack();
  const place = await mkdtemp(join(parent, "small-disk-"));
  stack.defer(() => rm(place, { recursive: true, force: true }));
  const [image, folder] = [join(place, "image"), join(place, "disk")];
  await mkdir(folder);
  {
    await using file = await open(image, "wx");
    await file.truncate(megabytes * 1024 * 1024);
  }
  // Without blocks that only root may have: the agent is root.
  await run("mkfs.ext4", ["-q", "-F", "-m", "0", image]);
  await run("mount", ["-o", "loop", image, folder]);
  stack.defer(async () => void (await run("umount", ["--lazy", folder])));
  const ballast = join(folder, "ballast");
  const made = stack.move();
  return {
    folder,
    leave: async (bytes) => {
      await rm(ballast, { force: true });
      const size = await fill(ballast);
      await truncate(ballast, Math.max(0, size - bytes));
    },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** How much is taken at a time, as long as there is that much. */
const PIECES = [512 * 1024 * 1024, 1024 * 1024, 4096];

/** Makes the file as large as there is room. */
async function fill(file: string): Promise<number> {
  let size = 0;
  for (const piece of PIECES) {
    while (await takes(file, size, piece)) size += piece;
  }
  return size;
}

async function takes(file: string, offset: number, length: number): Promise<boolean> {
  const range = ["--offset", String(offset), "--length", String(length)];
  return await run("fallocate", [...range, file]).then(
    () => true,
    () => false,
  );
}
