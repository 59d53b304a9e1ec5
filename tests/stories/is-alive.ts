import { readFile } from "node:fs/promises";

/** Whether a process runs. A zombie does not: it waits for its parent, which may be the machine's init, to take note. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const state = stat.slice(stat.lastIndexOf(")") + 2).at(0);
  return state !== undefined && state !== "Z" && state !== "X";
}
