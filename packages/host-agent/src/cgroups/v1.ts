/** Control groups of version 1: a tree for each controller (some kernels mount cpu and cpuacct as one). */
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import type { Cgroup, CgroupLimits, CgroupStats, Cgroups } from "./cgroups.ts";
import { killEach, removeWhenEmpty } from "./ending.ts";
import { CgroupFolders, exists, hasCode, readKey, readNumber, readProcesses, writeSetting } from "./folders.ts";
import type { Controller } from "./mounts.ts";
import { refused } from "./refused.ts";

/** The trees' mount points. cpuacct only counts; where it is missing, so are the counts. */
export type Trees = Readonly<Record<Controller, string>> & { readonly cpuacct: string | undefined };

const PERIOD_US = 100_000;
/** What every group has, unless it is told otherwise. */
const SHARES = 1024;

export class CgroupsV1 implements Cgroups {
  readonly version = 1;
  readonly folders: CgroupFolders;
  readonly #mark: string;
  readonly #trees: Trees;

  constructor(mark: string, trees: Trees) {
    this.#mark = mark;
    this.#trees = trees;
    const { memory, cpu, pids, cpuacct } = trees;
    this.folders = new CgroupFolders(mark, [memory, cpu, pids, ...(cpuacct === undefined ? [] : [cpuacct])]);
  }

  async open(): Promise<void> {
    await this.folders.makeParents().catch((error: unknown) => {
      throw refused("make a control group for this host", error);
    });
  }

  async create(name: string, limits: CgroupLimits): Promise<Cgroup> {
    const folders = this.folders.of(name);
    try {
      await this.folders.make(name);
      const memory = this.#folder("memory", name);
      await writeSetting(memory, "memory.limit_in_bytes", String(limits.memoryBytes));
      // Memory and swap together, and no more than the former: swapped out where the host needs it, never beyond the limit.
      if (await exists(join(memory, "memory.memsw.limit_in_bytes"))) {
        await writeSetting(memory, "memory.memsw.limit_in_bytes", String(limits.memoryBytes));
      }
      const cpu = this.#folder("cpu", name);
      await writeSetting(cpu, "cpu.cfs_period_us", String(PERIOD_US));
      await writeSetting(cpu, "cpu.cfs_quota_us", String(Math.round(limits.cpus * PERIOD_US)));
      if (limits.cpuWeight !== undefined) {
        await writeSetting(cpu, "cpu.shares", String(Math.round((limits.cpuWeight * SHARES) / 100)));
      }
      await writeSetting(this.#folder("pids", name), "pids.max", String(limits.pids));
    } catch (error) {
      if (!(error instanceof RoostError && error.code === "conflict")) await removeWhenEmpty(folders);
      throw refused(`make the control group ${name}`, error);
    }
    return { procs: folders.map((folder) => join(folder, "cgroup.procs")), remove: () => this.remove(name) };
  }

  list(): Promise<string[]> {
    return this.folders.list();
  }

  async kill(name: string): Promise<void> {
    try {
      // A process that forks faster than it is killed cannot fork at all.
      await writeSetting(this.#folder("pids", name), "pids.max", "0");
      await killEach(this.folders.of(name));
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw refused(`end the processes of the control group ${name}`, error);
      await killEach(this.folders.of(name));
    }
  }

  async remove(name: string): Promise<void> {
    await removeWhenEmpty(this.folders.of(name).reverse()).catch((error: unknown) => {
      throw refused(`remove the control group ${name}`, error);
    });
  }

  async stats(name: string): Promise<CgroupStats> {
    try {
      const memory = this.#folder("memory", name);
      const pids = this.#folder("pids", name);
      const cpuNs =
        this.#trees.cpuacct === undefined ? 0 : await readNumber(this.#folder("cpuacct", name), "cpuacct.usage");
      return {
        memoryBytes: await readNumber(memory, "memory.usage_in_bytes"),
        cpuMs: cpuNs / 1e6,
        pids: (await exists(join(pids, "pids.current")))
          ? await readNumber(pids, "pids.current")
          : (await readProcesses(pids)).length,
        oomKills: await readKey(memory, "memory.oom_control", "oom_kill"),
      };
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw refused(`read the control group ${name}`, error);
      throw new RoostError("not_found", `there is no control group ${name}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.folders.removeParents().catch((error: unknown) => {
      throw refused("remove the host's control group", error);
    });
  }

  #folder(controller: Controller | "cpuacct", name: string): string {
    return join(this.#trees[controller] ?? "", `r${this.#mark}`, name);
  }
}
