/** Control groups of version 2: one tree. */
import { watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import type { Cgroup, CgroupLimits, CgroupStats, Cgroups } from "./cgroups.ts";
import { ENDING_LIMIT_MS, killEach, removeWhenEmpty } from "./ending.ts";
import { type CgroupFolders, exists, hasCode, orWhenGone, readKey, readNumber, writeSetting } from "./folders.ts";
import type { Controller } from "./mounts.ts";
import { refused } from "./refused.ts";

const PERIOD_US = 100_000;

export class CgroupsV2 implements Cgroups {
  readonly version = 2;
  readonly folders: CgroupFolders;
  readonly #controllers: readonly string[];

  constructor(folders: CgroupFolders, controllers: readonly string[]) {
    this.folders = folders;
    this.#controllers = controllers;
  }

  /** Makes the host's group and hands the controllers down to it, and from it to the sandboxes' groups. */
  async open(): Promise<void> {
    const [parent = ""] = this.folders.parents;
    try {
      await handDown(dirname(parent), this.#controllers);
      await this.folders.makeParents();
      await handDown(parent, this.#controllers);
    } catch (error) {
      throw refused("make a control group for this host", error);
    }
  }

  async create(name: string, limits: CgroupLimits): Promise<Cgroup> {
    const [folder = ""] = this.folders.of(name);
    try {
      await this.folders.make(name);
      for (const [controller, file, value] of settings(limits)) {
        if (this.#controllers.includes(controller)) await writeSetting(folder, file, value);
      }
      // Only where the kernel counts swap.
      if (await exists(join(folder, "memory.swap.max"))) {
        await writeSetting(folder, "memory.swap.max", String(limits.memoryBytes));
      }
    } catch (error) {
      if (!(error instanceof RoostError && error.code === "conflict")) await removeWhenEmpty([folder]);
      throw refused(`make the control group ${name}`, error);
    }
    return { procs: [join(folder, "cgroup.procs")], remove: () => this.remove(name) };
  }

  list(): Promise<string[]> {
    return this.folders.list();
  }

  async kill(name: string): Promise<void> {
    const [folder = ""] = this.folders.of(name);
    try {
      await writeSetting(folder, "cgroup.kill", "1");
      await untilEmpty(folder);
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw refused(`end the processes of the control group ${name}`, error);
      // The group is gone, or the kernel is older than 5.14.
      if (await exists(join(folder, "pids.max"))) await writeSetting(folder, "pids.max", "0");
      await killEach([folder]);
    }
  }

  async remove(name: string): Promise<void> {
    const folders = this.folders.of(name);
    try {
      for (const folder of folders) await untilEmpty(folder);
      await removeWhenEmpty(folders);
    } catch (error) {
      throw refused(`remove the control group ${name}`, error);
    }
  }

  async stats(name: string): Promise<CgroupStats> {
    const [folder = ""] = this.folders.of(name);
    try {
      return {
        memoryBytes: await readNumber(folder, "memory.current"),
        cpuMs: (await readKey(folder, "cpu.stat", "usage_usec")) / 1000,
        pids: await readNumber(folder, "pids.current"),
        oomKills: await readKey(folder, "memory.events", "oom_kill"),
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
}

/** `memory.oom.group`: a VMM that lost one of its threads to the kernel is no VMM; all or none. */
function settings(limits: CgroupLimits): (readonly [controller: Controller, file: string, value: string])[] {
  return [
    ["memory", "memory.max", String(limits.memoryBytes)],
    ["memory", "memory.oom.group", "1"],
    ["cpu", "cpu.max", `${Math.round(limits.cpus * PERIOD_US)} ${PERIOD_US}`],
    ...(limits.cpuWeight === undefined ? [] : [["cpu", "cpu.weight", String(limits.cpuWeight)] as const]),
    ["pids", "pids.max", String(limits.pids)],
  ];
}

async function handDown(folder: string, controllers: readonly string[]): Promise<void> {
  const enabled = new Set((await readFile(join(folder, "cgroup.subtree_control"), "utf8")).trim().split(" "));
  const missing = controllers.filter((controller) => !enabled.has(controller));
  if (missing.length === 0) return;
  try {
    await writeSetting(folder, "cgroup.subtree_control", missing.map((controller) => `+${controller}`).join(" "));
  } catch (error) {
    if (!hasCode(error, "EBUSY") && !hasCode(error, "EOPNOTSUPP")) throw error;
    throw new RoostError(
      "internal",
      `the kernel does not hand the controllers ${missing.join(", ")} down from ${folder}, because processes are in it (as in a container with a cgroup namespace of its own): move them into a group below it first, or give the container the host's cgroup namespace`,
      { cause: error },
    );
  }
}

/** Until no process is in a group; its kernel file tells when that changes. A group that is gone is empty. */
async function untilEmpty(folder: string): Promise<void> {
  const events = join(folder, "cgroup.events");
  const isEmpty = async () => /^populated 0$/m.test(await readFile(events, "utf8").catch(orWhenGone("populated 0")));
  if (await isEmpty()) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const check = () => void isEmpty().then((empty) => empty && resolve(), reject);
  const watcher = watch(events, check).on("error", reject);
  const timer = setTimeout(
    () =>
      reject(
        new RoostError(
          "internal",
          `the control group ${folder} still holds processes after ${ENDING_LIMIT_MS / 1000} s`,
        ),
      ),
    ENDING_LIMIT_MS,
  );
  try {
    // Between the first look and the watcher it may have become so.
    check();
    await promise;
  } finally {
    clearTimeout(timer);
    watcher.close();
  }
}
