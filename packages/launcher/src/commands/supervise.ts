/** The part of `up` that lasts: one Roost, run by this process until it is interrupted. */
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { tryLock } from "../programs/file-lock.ts";
import type { Settings } from "../settings.ts";
import type { Credentials } from "../supervise/credentials.ts";
import { openEventLog } from "../supervise/event-log.ts";
import { removeLauncherRecord, writeLauncherRecord } from "../supervise/launcher-record.ts";
import { type RunningRoost, startRoost } from "../supervise/roost.ts";
import type { Machine } from "./machine.ts";

/** Runs a Roost in this process until it is interrupted. */
export async function superviseHere(
  settings: Settings,
  machine: Machine,
  watch: (line: string) => void,
  onReady: (credentials: Credentials, roost: RunningRoost) => void,
): Promise<void> {
  // Held as long as this process lives: of two that start at once, one runs.
  await using lock = await tryLock(join(settings.home, "launcher.lock"));
  if (lock === undefined)
    throw new LauncherFailure(`another launcher starts or stops this Roost (${settings.home}) just now`);
  await writeLauncherRecord(settings, { pid: process.pid, ready: false });
  using log = openEventLog(settings, watch, () => new Date());
  try {
    const roost = await startRoost(settings, (event) => log.event(event), machine.interrupted);
    try {
      await writeLauncherRecord(settings, { pid: process.pid, ready: true });
      onReady(roost.credentials, roost);
      await aborted(machine.interrupted);
    } finally {
      await roost.stop();
    }
  } finally {
    await removeLauncherRecord(settings);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
