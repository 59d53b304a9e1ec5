/** Packages as archives: downloaded and unpacked, never installed, so that no maintainer script of theirs runs. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { runProgram } from "../programs/run-program.ts";

/** The one `.deb` file in a folder that `apt-get download` has written to. */
export async function downloadedPackage(folder: string): Promise<string> {
  const found = (await readdir(folder)).filter((name) => name.endsWith(".deb"));
  const [name] = found;
  if (name === undefined || found.length > 1) {
    throw new LauncherFailure(`apt-get download left ${found.length} packages in ${folder} where one was expected`);
  }
  return join(folder, name);
}

/** Unpacks the files of a package below `target`, then forgets the archive. */
export async function unpackDownloaded(folder: string, target: string, signal: AbortSignal): Promise<void> {
  await runProgram(["dpkg-deb", "--extract", await downloadedPackage(folder), target], { signal });
  await rm(folder, { recursive: true, force: true });
}
