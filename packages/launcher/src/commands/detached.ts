/**
 * A launcher that goes on without a terminal: a process in a session of its own, which tells its parent once that everything serves, or
 * what went wrong.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure, sentenceOf } from "../failure.ts";
import { homePaths, type Settings } from "../settings.ts";
import { logPath } from "../supervise/event-log.ts";
import type { Machine } from "./machine.ts";
import { superviseHere } from "./supervise.ts";

type Told = { readonly ready: true } | { readonly failed: string };

/** Starts it, and returns once it is ready. */
export async function startDetached(settings: Settings, machine: Machine): Promise<void> {
  await mkdir(homePaths.logs(settings), { recursive: true, mode: 0o700 });
  // What the runtime itself may have to say; events go to launcher.log.
  await using output = await open(join(homePaths.logs(settings), "launcher.err"), "w", 0o600);
  const child = spawn(process.execPath, [join(import.meta.dirname, "..", "main.ts"), "supervise"], {
    cwd: settings.checkout,
    env: settings.environment as NodeJS.ProcessEnv,
    detached: true,
    stdio: ["ignore", output.fd, output.fd, "ipc"],
  });
  const interrupt = () => child.kill("SIGTERM");
  machine.interrupted.addEventListener("abort", interrupt, { once: true });
  try {
    const answers: Promise<unknown[]>[] = [once(child, "message"), once(child, "exit")];
    const [told] = await Promise.race(answers);
    if (isReady(told)) return;
    const why = isFailure(told) ? told.failed : "its process ended without a word";
    throw new LauncherFailure(`Roost did not start: ${why}\nIts events: ${logPath(settings, "launcher")}`);
  } finally {
    machine.interrupted.removeEventListener("abort", interrupt);
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** The other end: `./roost supervise`, which only `startDetached` starts. */
export async function superviseDetached(settings: Settings, machine: Machine): Promise<void> {
  try {
    await superviseHere(
      settings,
      machine,
      () => {},
      () => tell({ ready: true }),
    );
  } catch (error) {
    tell({ failed: sentenceOf(error) });
    throw error;
  }
}

/** A parent that has gone meanwhile need not be told. */
function tell(told: Told): void {
  if (!process.connected) return;
  process.send?.(told, () => process.connected && process.disconnect?.());
}

function isReady(told: unknown): boolean {
  return typeof told === "object" && told !== null && "ready" in told;
}

function isFailure(told: unknown): told is { failed: string } {
  return typeof told === "object" && told !== null && "failed" in told && typeof told.failed === "string";
}
