/** One hash over files and folders: what tells whether something built from them is still up to date. */
import { createHash, type Hash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";

/** SHA-256 over names, executable bits and contents of these paths, in hex; entries named in `except` are left out. */
export async function contentHash(paths: readonly string[], except: ReadonlySet<string> = new Set()): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) await addEntry(hash, path, basename(path), except);
  return hash.digest("hex");
}

async function addEntry(hash: Hash, path: string, name: string, except: ReadonlySet<string>): Promise<void> {
  const facts = await lstat(path);
  if (facts.isDirectory()) {
    for (const child of (await readdir(path)).sort()) {
      if (!except.has(child)) await addEntry(hash, join(path, child), `${name}/${child}`, except);
    }
    return;
  }
  const content = facts.isSymbolicLink() ? Buffer.from(await readlink(path)) : await readFile(path);
  hash.update(JSON.stringify([name, facts.isSymbolicLink(), (facts.mode & 0o100) !== 0, content.length]));
  hash.update(content);
}
