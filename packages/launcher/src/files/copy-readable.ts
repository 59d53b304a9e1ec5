/** Copies a folder so that every user may read it, whatever the umask was that its files were made with. */
import { chmod, copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Files and folders only (links are left out, as is whatever is named in `except`). */
export async function copyReadable(from: string, to: string, except: ReadonlySet<string>): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (except.has(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyReadable(source, target, except);
    else if (entry.isFile()) {
      await copyFile(source, target);
      await chmod(target, 0o644);
    }
  }
}
