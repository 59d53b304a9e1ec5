/**
 * What an earlier PostgreSQL of this data folder has left: processes that outlived their launcher, and a postmaster.pid. Both
 * are judged by what the kernel says, never by the file: a process belongs to the data folder when it is a `postgres` whose
 * working folder *is* that folder (same device and inode, in whatever mount namespace). Two servers on one folder would
 * destroy it, so nothing is deleted before every such process is gone.
 */
import { readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LauncherFailure } from "../failure.ts";
import { readIfThere } from "../files/presence.ts";

/** Each is given this long before the next is sent: fast shutdown, immediate shutdown, and the end (safe: there is a WAL). */
const PERSUASION: readonly { readonly signal: NodeJS.Signals; readonly patienceMs: number }[] = [
  { signal: "SIGINT", patienceMs: 30_000 },
  { signal: "SIGQUIT", patienceMs: 10_000 },
  { signal: "SIGKILL", patienceMs: 10_000 },
];
const LOOK_AGAIN_MS = 50;

/** Stops every process of this data folder and takes away a postmaster.pid that speaks of none. */
export async function clearLeftovers(
  dataFolder: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const { signal: persuasion, patienceMs } of PERSUASION) {
    const orphans = await postgresProcessesOf(dataFolder);
    if (orphans.length === 0) break;
    say(`PostgreSQL processes of an earlier run are still here (${orphans.join(", ")}): sending ${persuasion}`);
    for (const pid of await topmost(orphans)) sendIfThere(pid, persuasion);
    await waitUntilGone(dataFolder, patienceMs, signal);
  }
  const stubborn = await postgresProcessesOf(dataFolder);
  if (stubborn.length > 0) {
    throw new LauncherFailure(`PostgreSQL processes ${stubborn.join(", ")} still use ${dataFolder} and do not end`);
  }
  await removeStalePidFile(dataFolder, say);
}

/** Process ids of every PostgreSQL process, postmaster or other, whose data folder this is. */
export async function postgresProcessesOf(dataFolder: string): Promise<number[]> {
  const folder = await stat(dataFolder).catch(() => undefined);
  if (folder === undefined) return [];
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The name first: most processes of a machine are told apart by it, at the least cost.
      if ((await readFile(`/proc/${name}/comm`, "utf8")).trim() !== "postgres") continue;
      if (basename(await readlink(`/proc/${name}/exe`)).replace(/ \(deleted\)$/, "") !== "postgres") continue;
      const works = await stat(`/proc/${name}/cwd`);
      if (works.dev === folder.dev && works.ino === folder.ino) found.push(Number(name));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** A postmaster ends its children itself, in the right order; children without one are spoken to directly. */
async function topmost(pids: readonly number[]): Promise<number[]> {
  const parents = await Promise.all(
    pids.map(async (pid) => {
      const status = (await readIfThere(`/proc/${pid}/status`)) ?? "";
      return Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1]);
    }),
  );
  return pids.filter((_, index) => !pids.includes(parents[index] ?? 0));
}

/**
 * PostgreSQL itself overlooks a file whose process is gone. It refuses to start when the number has since been given to another
 * process of the same user, for instance to the PostgreSQL of another Roost; that is settled here.
 */
async function removeStalePidFile(dataFolder: string, say: (line: string) => void): Promise<void> {
  const path = join(dataFolder, "postmaster.pid");
  const text = await readIfThere(path);
  if (text === undefined) return;
  say(`no process uses ${dataFolder}: the postmaster.pid in it (process ${text.split("\n", 1)[0]}) is stale`);
  await rm(path, { force: true });
}

async function waitUntilGone(dataFolder: string, patienceMs: number, signal: AbortSignal): Promise<void> {
  for (let waited = 0; waited < patienceMs; waited += LOOK_AGAIN_MS) {
    if ((await postgresProcessesOf(dataFolder)).length === 0) return;
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}

function sendIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
