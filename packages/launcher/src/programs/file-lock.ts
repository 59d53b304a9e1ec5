/**
 * A lock on a file, for one process at a time. The kernel holds the lock (flock) for a small child of ours and frees it whenever that
 * child is gone, so a launcher that was killed locks nobody out.
 */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { LauncherFailure } from "../failure.ts";

/** Waits for the lock; `onWait` is called once if another process holds it. `signal` ends the waiting only. */
export async function lock(file: string, onWait: () => void, signal: AbortSignal): Promise<AsyncDisposable> {
  const atOnce = await tryLock(file);
  if (atOnce !== undefined) return atOnce;
  onWait();
  signal.throwIfAborted();
  const later = await holdLock([file], signal);
  signal.throwIfAborted();
  if (later === undefined) throw new LauncherFailure(`could not lock ${file}`);
  return later;
}

/** The lock, or undefined when another process holds it. */
export async function tryLock(file: string): Promise<AsyncDisposable | undefined> {
  await mkdir(dirname(file), { recursive: true });
  return holdLock(["--nonblock", file]);
}

/** `cat` keeps the lock until its input ends, which it does when we close it or are gone. */
async function holdLock(flockArguments: string[], signal?: AbortSignal): Promise<AsyncDisposable | undefined> {
  // In a session of its own: a Ctrl-C at the terminal is for the launcher, which still needs its lock to stop in order.
  const command = ["--no-fork", ...flockArguments, "cat"];
  const holder = spawn("flock", command, { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const ended = new Promise<"ended">((resolve, reject) => {
    holder.on("error", reject);
    holder.on("close", () => resolve("ended"));
  });
  const held = new Promise<"held">((resolve) => holder.stdout.once("data", () => resolve("held")));
  holder.stdin.on("error", () => {});
  holder.stdin.write("held\n");
  const giveUp = () => holder.kill();
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    if ((await Promise.race([held, ended])) === "ended") return undefined;
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
  return {
    async [Symbol.asyncDispose]() {
      holder.stdin.end();
      await ended;
    },
  };
}
