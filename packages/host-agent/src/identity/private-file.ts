/** Reading secrets: a file that others could read or have written is not trusted. */

import type { Stats } from "node:fs";
import { type FileHandle, mkdir, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";

const OTHERS = 0o077;
/** No file of an identity comes near it. */
const LIMIT_BYTES = 1024 * 1024;

/** Makes the folder if it is not there. @throws RoostError `internal` when others may enter it. */
export async function openPrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  checkPrivate(folder, await stat(folder));
}

/** The file's content; `undefined` when there is no such file. @throws RoostError `internal` when it is not private. */
export async function readPrivate(folder: string, name: string): Promise<string | undefined> {
  const path = join(folder, name);
  await using file = await openIfThere(path);
  if (file === undefined) return undefined;
  const facts = await file.stat();
  checkPrivate(path, facts);
  if (facts.size > LIMIT_BYTES) throw new RoostError("internal", `${path} is far too large for what it should hold.`);
  return await file.readFile("utf8");
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new RoostError("internal", `${path} cannot be read.`, { cause: error });
  }
}

function checkPrivate(path: string, facts: Stats): void {
  if ((facts.mode & OTHERS) !== 0) {
    const mode = facts.isDirectory() ? "0700" : "0600";
    throw new RoostError(
      "internal",
      `${path} can be read by others. If nobody has, set it right with: chmod ${mode} ${path}`,
    );
  }
  if (facts.uid !== process.getuid?.()) {
    throw new RoostError("internal", `${path} belongs to user ${facts.uid}, not to the one this agent runs as.`);
  }
}
