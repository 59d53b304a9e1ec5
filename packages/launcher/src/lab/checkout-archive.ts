/**
 * This checkout as a tar archive that a host reads from a disk: its sources as they are now, and the programs built from them. What is
 * slow to make and seldom changes is in the image.
 */
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { exists } from "../files/presence.ts";
import { runProgram } from "../programs/run-program.ts";
import type { Settings } from "../settings.ts";

/** The disk's size does not change, because a machine that is thawed does not ask again. */
const DISK_BYTES = 96 * 1024 * 1024;

/** What is of no use in a host, or brought in another way. */
const LEFT_OUT = ["./.git", "./.roost", "./node_modules", "./native/target", "*.log"];

/** Writes the archive to a new file. */
export async function writeCheckoutArchive(settings: Settings, file: string, signal: AbortSignal): Promise<void> {
  await rm(file, { force: true });
  const tar = ["tar", `--file=${file}`, "--sort=name"] as const;
  const excluded = LEFT_OUT.map((pattern) => `--exclude=${pattern}`);
  await runProgram([...tar, "--create", `--directory=${settings.checkout}`, ...excluded, "."], { signal });
  const built = ["bin", ...(await initramfsFiles(settings))];
  await runProgram([...tar, "--append", `--directory=${settings.cache}`, "--transform=s,^,.roost/cache/,", ...built], {
    signal,
  });
  const { size } = await stat(file);
  if (size > DISK_BYTES)
    throw new LauncherFailure(`the sources take ${size} bytes, more than a lab's disk for them has`);
  await using archive = await open(file, "r+");
  await archive.truncate(DISK_BYTES);
}

/** Made anew with every envd. */
async function initramfsFiles({ cache }: Settings): Promise<string[]> {
  const paths = (await readdir(join(cache, "kernels"))).map((version) => join("kernels", version, "initramfs"));
  const there = await Promise.all(paths.map((path) => exists(join(cache, path))));
  return paths.filter((_, index) => there[index]);
}
