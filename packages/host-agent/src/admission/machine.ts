/** What this machine has for sandboxes. */
import { statfsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";

const MB = 1024 * 1024;
/** What the host's own programs, the agent and the page cache need: at least this, or this share of the memory. */
const RESERVE_MB = 1024;
const RESERVE_SHARE = 0.1;

/** The part of a machine's memory that sandboxes may have. @param reserveMb ROOST_HOST_RESERVE_MB. */
export function memoryForSandboxes(totalMb: number, reserveMb: number | undefined): number {
  const reserve = reserveMb ?? Math.max(RESERVE_MB, Math.ceil(totalMb * RESERVE_SHARE));
  return Math.max(0, totalMb - reserve);
}

/** The machine's memory, or what the control group that we are in (a container's, say) lets us have of it. */
export async function totalMemoryMb(proc = "/proc", cgroups = "/sys/fs/cgroup"): Promise<number> {
  const meminfo = await readFile(join(proc, "meminfo"), "utf8");
  const totalKb = Number(/^MemTotal:\s+(\d+) kB$/m.exec(meminfo)?.[1]);
  if (!(totalKb > 0))
    throw new RoostError("internal", `${join(proc, "meminfo")} does not tell how much memory there is`);
  const limits = await cgroupLimits(await readFile(join(proc, "self/cgroup"), "utf8").catch(() => ""), cgroups);
  return Math.floor(Math.min(totalKb / 1024, ...limits.map((bytes) => bytes / MB)));
}

/**
 * Limits of our group and of those above it, on v2 and v1; `max`, or a number beyond all memory, is none. What cannot be read
 * (a container does not see the groups above its own) limits us no less, but cannot be known.
 */
async function cgroupLimits(ownGroups: string, cgroups: string): Promise<number[]> {
  const files = ownGroups.split("\n").flatMap((line) => {
    const [, controllers, path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === "") return withParents(path).map((group) => join(cgroups, group, "memory.max"));
    if (!controllers?.split(",").includes("memory")) return [];
    return withParents(path).map((group) => join(cgroups, "memory", group, "memory.limit_in_bytes"));
  });
  const limits = await Promise.all(files.map(async (file) => Number(await readFile(file, "utf8").catch(() => ""))));
  return limits.filter((limit) => limit > 0);
}

/** `/a/b` → `/a/b`, `/a`, `/`. */
function withParents(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return Array.from({ length: parts.length + 1 }, (_, up) => `/${parts.slice(0, parts.length - up).join("/")}`);
}

/** Space that is free on the file system of a folder. */
export function freeDiskMb(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return (bavail * bsize) / MB;
}
