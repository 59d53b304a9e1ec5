/** What the kernel tells of a process in /proc: who it is, what it may do, what it sees, what it holds open. */
import { readdir, readFile, readlink } from "node:fs/promises";

export type Status = Readonly<Record<string, string>>;

export interface Mount {
  /** Where it is seen. */
  readonly target: string;
  /** Which folder or file of its file system it is. */
  readonly source: string;
  readonly options: ReadonlySet<string>;
}

/** Of each of its threads: capabilities and seccomp belong to a thread, not to a process. */
export async function statusOfThreads(pid: number): Promise<Status[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  return await Promise.all(threads.map((thread) => readStatus(`/proc/${pid}/task/${thread}/status`)));
}

async function readStatus(path: string): Promise<Status> {
  const lines = (await readFile(path, "utf8")).split("\n").map((line) => line.split(":\t"));
  return Object.fromEntries(lines.map(([key = "", value = ""]) => [key, value.trim()]));
}

export async function namespaceOf(pid: number | "self", kind: string): Promise<string> {
  return await readlink(`/proc/${pid}/ns/${kind}`);
}

/** `id parent device source target options … - type …` (proc(5)). */
export async function mountsOf(pid: number): Promise<Mount[]> {
  const lines = (await readFile(`/proc/${pid}/mountinfo`, "utf8")).trim().split("\n");
  return lines.map((line) => {
    const [, , , source = "", target = "", options = ""] = line.split(" ");
    return { target, source, options: new Set(options.split(",")) };
  });
}

/**
 * What its descriptors lead to: a path as the process itself sees it, `pipe:[…]`, `socket:[…]`, `anon_inode:…`.
 *
 * A reader who lives in a chroot is told another mount namespace's paths from that namespace's top, so they begin with where the process's
 * root lies in it.
 */
export async function descriptorsOf(pid: number): Promise<string[]> {
  const root = await readlink(`/proc/${pid}/root`);
  const numbers = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(numbers.map((number) => readlink(`/proc/${pid}/fd/${number}`)));
  return targets.map((target) => (root !== "/" && target.startsWith(`${root}/`) ? target.slice(root.length) : target));
}

export async function oomScoreAdjustment(pid: number): Promise<number> {
  return Number(await readFile(`/proc/${pid}/oom_score_adj`, "utf8"));
}
