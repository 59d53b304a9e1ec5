/**
 * Which process runs this Roost. The record names it by its id and the moment it started (in the kernel's own count), because ids are
 * given anew; a record of a process that is gone is just a note about the past.
 */
import { rm } from "node:fs/promises";
import { placeFile } from "../files/durable.ts";
import { readIfThere, readJsonObject } from "../files/presence.ts";
import { homePaths, type Settings } from "../settings.ts";

export interface LauncherRecord {
  readonly pid: number;
  /** Everything serves, and credentials.json is true. */
  readonly ready: boolean;
}

export async function writeLauncherRecord(settings: Settings, record: LauncherRecord): Promise<void> {
  const content = { ...record, started: await startTimeOf(record.pid) };
  await placeFile(homePaths.launcher(settings), `${JSON.stringify(content, null, 2)}\n`, 0o600);
}

export async function removeLauncherRecord(settings: Settings): Promise<void> {
  await rm(homePaths.launcher(settings), { force: true });
}

/** The launcher that runs this Roost now; undefined when none does. */
export async function runningLauncher(settings: Settings): Promise<LauncherRecord | undefined> {
  const { pid, started, ready } = (await readJsonObject(homePaths.launcher(settings))) ?? {};
  if (typeof pid !== "number" || typeof started !== "string" || typeof ready !== "boolean") return undefined;
  return (await startTimeOf(pid)) === started ? { pid, ready } : undefined;
}

/** In clock ticks since this boot (field 22 of /proc/<pid>/stat), with the boot's own id; undefined when there is no such process. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readIfThere(`/proc/${pid}/stat`);
  const boot = await readIfThere("/proc/sys/kernel/random/boot_id");
  // The second field, the program's name in parentheses, may hold anything.
  const afterName = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, ticks] = [afterName?.[0], afterName?.[19]];
  return ticks === undefined || state === "Z" || state === "X" ? undefined : `${boot?.trim()} ${ticks}`;
}
