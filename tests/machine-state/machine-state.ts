/**
 * What the machine holds of one Roost: processes, control groups, namespaces, links, firewall tables, mounts, loop devices,
 * files. Tests take it before and after, and expect the same.
 *
 * Only what bears the host's mark, or lies in its folders, counts: another Roost on this machine may come and go meanwhile.
 */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export interface MachineScope {
  /** Four characters of the host id; names of kernel objects begin with `r<mark>`. */
  readonly mark: string;
  /** Folders whose contents count: data and run folders. */
  readonly folders: readonly string[];
}

/** One line per thing, sorted, such as `link rab3d-4` or `file /run/roost/ab3d/sb-…/keeper.sock`. */
export async function machineState(scope: MachineScope): Promise<string[]> {
  const parts = await Promise.all([
    processes(scope),
    cgroups(scope),
    namespaces(scope),
    links(scope),
    tables(scope),
    mounts(scope),
    loops(scope),
    ...scope.folders.map(files),
  ]);
  return parts.flat().sort();
}

const run = promisify(execFile);

/** Processes in a control group of ours, or with one of our folders or names on their command line. Zombies are gone already. */
async function processes({ mark, folders }: MachineScope): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const read = (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
    const [cgroup, commandLine] = await Promise.all([read("cgroup"), read("cmdline")]);
    if (commandLine === "") continue;
    const ours = cgroup.includes(`/r${mark}`) || [`r${mark}-`, ...folders].some((word) => commandLine.includes(word));
    if (ours) found.push(`process ${pid} ${commandLine.replaceAll("\0", " ").slice(0, 120)}`);
  }
  return found;
}

async function cgroups({ mark }: MachineScope): Promise<string[]> {
  const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => line.split(" "));
  const roots = mounts.filter(([, , type]) => type === "cgroup" || type === "cgroup2").map(([, path]) => path ?? "");
  const names = await Promise.all(roots.map((root) => cgroupsBelow(root, `r${mark}`)));
  return names.flat().map((path) => `cgroup ${path}`);
}

async function cgroupsBelow(folder: string, prefix: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory());
  const ours = folders.filter(({ name }) => name.startsWith(prefix)).map(({ name }) => join(folder, name));
  const below = await Promise.all(folders.map(({ name }) => cgroupsBelow(join(folder, name), prefix)));
  return [...ours, ...below.flat()];
}

async function namespaces({ mark }: MachineScope): Promise<string[]> {
  const names = await readdir("/run/netns").catch(() => [] as string[]);
  return names.filter((name) => name.startsWith(`r${mark}-`)).map((name) => `namespace ${name}`);
}

async function links({ mark }: MachineScope): Promise<string[]> {
  const names = await readdir("/sys/class/net");
  return names.filter((name) => name.startsWith(`r${mark}-`)).map((name) => `link ${name}`);
}

async function tables({ mark }: MachineScope): Promise<string[]> {
  const stdout = await listTables();
  return stdout.split("\n").filter((line) => line.includes(`r${mark}`));
}

/** nft 1.0.6 (Debian 12) may crash when another process changes the rules while it lists them: then it is asked again. */
async function listTables(attemptsLeft = 5): Promise<string> {
  try {
    return (await run("nft", ["list", "tables"])).stdout;
  } catch (error) {
    const crashed = (error as { signal?: string }).signal === "SIGSEGV";
    if (crashed && attemptsLeft > 0) return await listTables(attemptsLeft - 1);
    throw error;
  }
}

async function mounts({ mark, folders }: MachineScope): Promise<string[]> {
  const lines = (await readFile("/proc/self/mounts", "utf8")).split("\n");
  const ours = lines.filter((line) => line.includes(`/r${mark}-`) || folders.some((folder) => line.includes(folder)));
  return ours.map((line) => `mount ${line}`);
}

async function loops({ folders }: MachineScope): Promise<string[]> {
  const { stdout } = await run("losetup", ["--list", "--noheadings", "--output", "NAME,BACK-FILE"]);
  return stdout.split("\n").filter((line) => folders.some((folder) => line.includes(folder)));
}

async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.map((entry) => `file ${join(entry.parentPath, entry.name)}`);
}
