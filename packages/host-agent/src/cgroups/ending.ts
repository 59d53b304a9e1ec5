/** Ending the processes of a control group, and waiting until they are gone. */
import { setTimeout as sleep } from "node:timers/promises";
import { RoostError } from "@roost/protocol/errors";
import { hasCode, readProcesses, removeFolder } from "./folders.ts";

/** Killed processes end within milliseconds, unless they wait for a disk that is slow or broken. */
export const ENDING_LIMIT_MS = 30_000;
const SHORTEST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/**
 * Kills what is in the folders, again and again until nothing is: without `cgroup.kill` there is no event that tells. The
 * caller has made sure that they cannot fork any more.
 */
export async function killEach(folders: readonly string[]): Promise<void> {
  await until(`the processes of the control group ${folders[0]} do not end`, async () => {
    const processes = (await Promise.all(folders.map(readProcesses))).flat();
    for (const pid of new Set(processes)) kill(pid);
    return processes.length === 0;
  });
}

/** Removes the folders, of which each may still hold processes that are just ending. */
export async function removeWhenEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await until(`the control group ${folder} is still in use`, async () => {
      try {
        await removeFolder(folder);
        return true;
      } catch (error) {
        if (hasCode(error, "EBUSY")) return false;
        throw error;
      }
    });
  }
}

async function until(failure: string, isDone: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + ENDING_LIMIT_MS;
  for (let pause = SHORTEST_PAUSE_MS; !(await isDone()); pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    if (performance.now() > end) throw new RoostError("internal", `${failure} after ${ENDING_LIMIT_MS / 1000} s`);
    await sleep(pause);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
