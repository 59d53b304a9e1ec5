/** What the kernel has of a host's network: the truth that an agent starts from. */
import { readdir, readFile } from "node:fs/promises";
import { NETNS_FOLDER, slotIndex } from "./names.ts";

export interface OwnNetworkObjects {
  /** Indexes of slots whose link on the host is there. */
  readonly links: ReadonlySet<number>;
  /** Indexes of slots whose namespace is there. */
  readonly namespaces: ReadonlySet<number>;
}

export async function listOwn(mark: string): Promise<OwnNetworkObjects> {
  const [links, namespaces] = await Promise.all([linkNames(), namespaceNames()]);
  return { links: indexes(mark, links), namespaces: indexes(mark, namespaces) };
}

function indexes(mark: string, names: readonly string[]): ReadonlySet<number> {
  return new Set(names.map((name) => slotIndex(mark, name)).filter((index) => index !== undefined));
}

/** From /proc, which is there in any chroot that can run us; two lines of heading, then one a link: ` name: counters`. */
async function linkNames(): Promise<string[]> {
  const lines = (await readFile("/proc/net/dev", "utf8")).split("\n").slice(2);
  return lines.map((line) => line.slice(0, line.indexOf(":")).trim());
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
