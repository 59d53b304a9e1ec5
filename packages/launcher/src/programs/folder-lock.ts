/**
 * One launcher at a time in a folder. The kernel holds the lock (flock) for a small child of ours and frees it whenever that
 * child is gone, so a launcher that was killed locks nobody out.
 */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";

/** Waits for the lock of this folder; `onWait` is called once if another launcher holds it. */
export async function lockFolder(folder: string, onWait: () => void, signal?: AbortSignal): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, ".lock");
  const atOnce = await holdLock(["--nonblock", "--conflict-exit-code", "75", file], signal);
  if (atOnce !== undefined) return atOnce;
  onWait();
  const later = await holdLock([file], signal);
  if (later === undefined) throw new LauncherFailure(`could not lock ${file}`);
  return later;
}

/** `cat` keeps the lock until its input ends, which it does when we close it or are gone. */
async function holdLock(flockArguments: string[], signal?: AbortSignal): Promise<AsyncDisposable | undefined> {
  const holder = spawn("flock", [...flockArguments, "cat"], { stdio: ["pipe", "pipe", "inherit"], signal });
  const ended = new Promise<number | null>((resolve, reject) => {
    holder.on("error", reject);
    holder.on("close", resolve);
  });
  ended.catch(() => {});
  const held = new Promise<"held">((resolve) => holder.stdout.once("data", () => resolve("held")));
  holder.stdin.on("error", () => {});
  holder.stdin.write("held\n");
  if ((await Promise.race([held, ended])) !== "held") return undefined;
  return {
    async [Symbol.asyncDispose]() {
      holder.stdin.end();
      await ended;
    },
  };
}
