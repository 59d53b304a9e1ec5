/**
 * Control groups of a host's sandboxes: the limits on what a VMM takes of the machine, and the certain way to end all that is in it.
 *
 * All groups of a host are below one group of its own, `r<mark>`: so that what else manages the tree (systemd takes controllers
 * away where it sees no need) leaves theirs alone. The group of a sandbox is `r<mark>-<sandbox id>`.
 */
import { RoostError } from "@roost/protocol/errors";
import type { Logger } from "pino";
import { CgroupFolders } from "./folders.ts";
import { type CgroupMount, CONTROLLERS, readCgroupMounts } from "./mounts.ts";
import { CgroupsV1 } from "./v1.ts";
import { CgroupsV2 } from "./v2.ts";

export interface CgroupLimits {
  /** Memory and page cache, of which the kernel takes the latter back by itself. */
  readonly memoryBytes: number;
  /** In CPUs; may be a fraction. */
  readonly cpus: number;
  /** Processes and threads. */
  readonly pids: number;
  /** Its share of a CPU that others want, too, beside their 100 each. Default: 100. */
  readonly cpuWeight?: number | undefined;
}

export interface Cgroup {
  /** The `cgroup.procs` files that a process enters the group by: one, or on v1 one for each tree. */
  readonly procs: readonly string[];
  remove(): Promise<void>;
}

export interface CgroupStats {
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly pids: number;
  /** Processes that the kernel killed because the group's memory was used up. */
  readonly oomKills: number;
}

/** Names are whole ones, `r<mark>-<sandbox id>`; a name of another host is a programmer's mistake. */
export interface Cgroups {
  readonly version: 1 | 2;

  /** All or nothing. @throws RoostError `conflict` when it exists, `internal` when the kernel refused. */
  create(name: string, limits: CgroupLimits): Promise<Cgroup>;

  /** Names of this host's groups. */
  list(): Promise<string[]>;

  /** Ends every process in the group, and waits until they are gone. Idempotent. @throws RoostError `internal` when they stay. */
  kill(name: string): Promise<void>;

  /** Waits until no process is in the group, and removes it. Idempotent. @throws RoostError `internal` when one stays. */
  remove(name: string): Promise<void>;

  /** @throws RoostError `not_found` */
  stats(name: string): Promise<CgroupStats>;

  /** Removes the host's own group, when the last sandbox's is gone: for `down`. Idempotent. */
  close(): Promise<void>;
}

export interface CgroupsOptions {
  readonly mark: string;
  readonly logger: Logger;
  /** Default: `/proc/self/mountinfo`. */
  readonly mountinfo?: string;
}

/** @throws RoostError `internal`, saying what to do, where the machine has no usable control groups. */
export async function openCgroups({
  mark,
  logger,
  mountinfo = "/proc/self/mountinfo",
}: CgroupsOptions): Promise<Cgroups> {
  const cgroups = choose(mark, await readCgroupMounts(mountinfo));
  await cgroups.open();
  logger.info({ version: cgroups.version, folders: cgroups.folders.parents }, "control groups");
  return cgroups;
}

function choose(mark: string, mounts: readonly CgroupMount[]): CgroupsV1 | CgroupsV2 {
  const unified = mounts.find(
    ({ version, controllers }) => version === 2 && CONTROLLERS.every((c) => controllers.has(c)),
  );
  if (unified !== undefined) return new CgroupsV2(new CgroupFolders(mark, [unified.path]), CONTROLLERS);

  const separate = mounts.filter(({ version }) => version === 1);
  const find = (controller: string) => separate.find(({ controllers }) => controllers.has(controller))?.path;
  const [memory, cpu, pids] = CONTROLLERS.map(find);
  if (memory === undefined || cpu === undefined || pids === undefined) throw missing(mounts);
  return new CgroupsV1(mark, { memory, cpu, pids, cpuacct: find("cpuacct") });
}

function missing(mounts: readonly CgroupMount[]): RoostError {
  const version = mounts.some(({ version }) => version === 2) ? 2 : 1;
  const there = new Set(mounts.filter((mount) => mount.version === version).flatMap((mount) => [...mount.controllers]));
  const absent = CONTROLLERS.filter((controller) => !there.has(controller));
  const remedy = absent.includes("memory")
    ? "boot the kernel with cgroup_enable=memory (Raspberry Pi: in /boot/firmware/cmdline.txt)"
    : "mount a cgroup2 file system at /sys/fs/cgroup, with these controllers";
  return new RoostError(
    "internal",
    `this machine has no control groups for ${absent.join(", ") || CONTROLLERS.join(", ")}, which limit sandboxes: ${remedy}`,
  );
}
