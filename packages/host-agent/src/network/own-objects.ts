/** What the kernel has of a host's network: the truth that an agent starts from. */
import { readdir } from "node:fs/promises";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { type CommandRunner, runCommand } from "../commands/run.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { NETNS_FOLDER, slotIndex } from "./names.ts";

export interface OwnNetworkObjects {
  /** Indexes of slots whose link on the host is there. */
  readonly links: ReadonlySet<number>;
  /** Indexes of slots whose namespace is there. */
  readonly namespaces: ReadonlySet<number>;
}

/** @throws RoostError `internal` */
export async function listOwn(mark: string, run: CommandRunner = runCommand): Promise<OwnNetworkObjects> {
  try {
    const [links, namespaces] = await Promise.all([linkNames(run), namespaceNames()]);
    return { links: indexes(mark, links), namespaces: indexes(mark, namespaces) };
  } catch (error) {
    throw kernelRefused("list this machine's links and network namespaces", error);
  }
}

function indexes(mark: string, names: readonly string[]): ReadonlySet<number> {
  return new Set(names.map((name) => slotIndex(mark, name)).filter((index) => index !== undefined));
}

/** What `ip -json link show` says that is of interest here. */
const Links = Type.Array(Type.Object({ ifname: Type.String() }));

async function linkNames(run: CommandRunner): Promise<string[]> {
  const { stdout } = await run(["ip", "-json", "link", "show"]);
  return Value.Parse(Links, JSON.parse(stdout)).map(({ ifname }) => ifname);
}

async function namespaceNames(): Promise<string[]> {
  try {
    return await readdir(NETNS_FOLDER);
  } catch (error) {
    // No one has made a namespace on this machine yet.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
