/** The folders of control groups, the same in each tree: `<tree>/r<mark>/r<mark>-<sandbox id>`. */
import { constants } from "node:fs";
import { access, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";

export class CgroupFolders {
  /** The host's own group, in each tree. */
  readonly parents: readonly string[];
  readonly #prefix: string;

  constructor(mark: string, trees: readonly string[]) {
    const own = `r${mark}`;
    this.#prefix = `${own}-`;
    this.parents = [...new Set(trees)].map((tree) => join(tree, own));
  }

  /** A sandbox's group, in each tree. */
  of(name: string): string[] {
    if (!name.startsWith(this.#prefix) || name.includes("/")) throw new TypeError(`not a group of this host: ${name}`);
    return this.parents.map((parent) => join(parent, name));
  }

  async makeParents(): Promise<void> {
    for (const parent of this.parents) await mkdir(parent, { recursive: true });
  }

  async removeParents(): Promise<void> {
    for (const parent of this.parents) await removeFolder(parent);
  }

  /** @throws RoostError `conflict` */
  async make(name: string): Promise<void> {
    for (const folder of this.of(name)) {
      await mkdir(folder).catch((error: unknown) => {
        if (!hasCode(error, "EEXIST")) throw error;
        throw new RoostError("conflict", `the control group ${folder} exists already`, { cause: error });
      });
    }
  }

  async list(): Promise<string[]> {
    const lists = await Promise.all(this.parents.map((parent) => readdir(parent).catch(orWhenGone<string[]>([]))));
    return [...new Set(lists.flat().filter((name) => name.startsWith(this.#prefix)))].sort();
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Writes one of the kernel's files, which must be there. */
export async function writeSetting(folder: string, file: string, value: string): Promise<void> {
  await writeFile(join(folder, file), value, { flag: constants.O_WRONLY });
}

/** Processes in a group; none when it is gone. */
export async function readProcesses(folder: string): Promise<number[]> {
  const text = await readFile(join(folder, "cgroup.procs"), "utf8").catch(orWhenGone(""));
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

/** Value of a file that holds one number. */
export async function readNumber(folder: string, file: string): Promise<number> {
  return Number(await readFile(join(folder, file), "utf8"));
}

/** Value of a key in a file of lines `key value`; 0 when it is not there. */
export async function readKey(folder: string, file: string, key: string): Promise<number> {
  const lines = (await readFile(join(folder, file), "utf8")).split("\n");
  return Number(lines.find((line) => line.startsWith(`${key} `))?.slice(key.length + 1) ?? 0);
}

export async function removeFolder(folder: string): Promise<void> {
  await rmdir(folder).catch(orWhenGone(undefined));
}

/** ENODEV: what reading a file of a group says that is removed just now. */
export function orWhenGone<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENODEV")) return value;
    throw error;
  };
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
