/** Where this machine has its control groups: one tree (v2), or one for each controller (v1), wherever they are mounted. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The controllers that limit a sandbox. */
export const CONTROLLERS = ["memory", "cpu", "pids"] as const;
export type Controller = (typeof CONTROLLERS)[number];

export interface CgroupMount {
  readonly version: 1 | 2;
  readonly path: string;
  readonly controllers: ReadonlySet<string>;
}

/** All trees of control groups that are mounted, as told by a file in the form of /proc/self/mountinfo. */
export async function readCgroupMounts(mountinfo: string): Promise<CgroupMount[]> {
  const lines = (await readFile(mountinfo, "utf8")).split("\n").filter((line) => line !== "");
  const mounts = await Promise.all(lines.map(readMount));
  return mounts.filter((mount) => mount !== undefined);
}

/** `id parent major:minor root path options [tags…] - type source options` */
async function readMount(line: string): Promise<CgroupMount | undefined> {
  const [left = "", right = ""] = line.split(" - ");
  const path = unescapePath(left.split(" ")[4] ?? "");
  const [type, , options = ""] = right.split(" ");
  if (type === "cgroup") return { version: 1, path, controllers: new Set(options.split(",")) };
  if (type !== "cgroup2") return undefined;
  const controllers = await readFile(join(path, "cgroup.controllers"), "utf8").catch(() => "");
  return { version: 2, path, controllers: new Set(controllers.trim().split(" ")) };
}

/** Blanks and the like stand as `\040`. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
