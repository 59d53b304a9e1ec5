/** The control group of a process, as the kernel shows it: version 1, a tree for each controller, or version 2, one for all. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface Limits {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly pids: number;
}

export interface Usage {
  readonly memoryBytes: number;
  /** The most there has been; not known to every kernel. */
  readonly memoryPeakBytes: number | undefined;
  readonly cpuMs: number;
  /** How long it was kept from running because its share was used up. */
  readonly throttledMs: number;
  /** Tasks; not counted by every kernel. */
  readonly pids: number | undefined;
  /** Processes that the kernel ended because the memory was used up. */
  readonly oomKills: number;
}

export interface Cgroup {
  /** The last part of its path. */
  readonly name: string;
  limits(): Promise<Limits>;
  usage(): Promise<Usage>;
}

export async function cgroupOf(pid: number): Promise<Cgroup> {
  const folders = await foldersOf(pid);
  const unified = folders.get("");
  const name = (folders.get("memory") ?? unified)?.split("/").at(-1) ?? "";
  if (folders.has("memory")) return { name, limits: () => limitsV1(folders), usage: () => usageV1(folders) };
  if (unified === undefined) throw new Error(`process ${pid} is in no control group`);
  return { name, limits: () => limitsV2(unified), usage: () => usageV2(unified) };
}

/** The folder of each controller; of version 2, under "". */
async function foldersOf(pid: number): Promise<Map<string, string>> {
  const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => line.split(" "));
  const mountOf = (controller: string): string | undefined =>
    mounts.find(([, , type = "", options = ""]) =>
      controller === "" ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(controller),
    )?.[1];
  const folders = new Map<string, string>();
  for (const line of (await readFile(`/proc/${pid}/cgroup`, "utf8")).trim().split("\n")) {
    const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const controller of controllers.split(",")) {
      const mount = mountOf(controller);
      if (mount !== undefined) folders.set(controller, join(mount, path));
    }
  }
  return folders;
}

async function limitsV1(folders: ReadonlyMap<string, string>): Promise<Limits> {
  const [memory = "", cpu = "", pids = ""] = ["memory", "cpu", "pids"].map((controller) => folders.get(controller));
  return {
    memoryBytes: await number(memory, "memory.limit_in_bytes"),
    cpus: (await number(cpu, "cpu.cfs_quota_us")) / (await number(cpu, "cpu.cfs_period_us")),
    pids: await number(pids, "pids.max"),
  };
}

async function usageV1(folders: ReadonlyMap<string, string>): Promise<Usage> {
  const [memory = "", cpu = "", pids = "", cpuacct = ""] = ["memory", "cpu", "pids", "cpuacct"].map((controller) =>
    folders.get(controller),
  );
  return {
    memoryBytes: await number(memory, "memory.usage_in_bytes"),
    memoryPeakBytes: await number(memory, "memory.max_usage_in_bytes"),
    cpuMs: (await number(cpuacct, "cpuacct.usage")) / 1e6,
    throttledMs: (await key(cpu, "cpu.stat", "throttled_time")) / 1e6,
    pids: await number(pids, "pids.current").catch(() => undefined),
    oomKills: await key(memory, "memory.oom_control", "oom_kill"),
  };
}

async function limitsV2(folder: string): Promise<Limits> {
  const [quota, period] = (await readFile(join(folder, "cpu.max"), "utf8")).trim().split(" ").map(Number);
  return {
    memoryBytes: await number(folder, "memory.max"),
    cpus: (quota ?? Number.NaN) / (period ?? Number.NaN),
    pids: await number(folder, "pids.max"),
  };
}

async function usageV2(folder: string): Promise<Usage> {
  return {
    memoryBytes: await number(folder, "memory.current"),
    memoryPeakBytes: await number(folder, "memory.peak").catch(() => undefined),
    cpuMs: (await key(folder, "cpu.stat", "usage_usec")) / 1000,
    throttledMs: (await key(folder, "cpu.stat", "throttled_usec")) / 1000,
    pids: await number(folder, "pids.current"),
    oomKills: await key(folder, "memory.events", "oom_kill"),
  };
}

async function number(folder: string, file: string): Promise<number> {
  return Number((await readFile(join(folder, file), "utf8")).trim());
}

/** Of a file of lines `key value`; 0 where the kernel does not tell it. */
async function key(folder: string, file: string, name: string): Promise<number> {
  const found = new RegExp(`^${name} (\\d+)$`, "m").exec(await readFile(join(folder, file), "utf8"))?.[1];
  return Number(found ?? 0);
}
