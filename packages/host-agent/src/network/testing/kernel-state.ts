import { readdir } from "node:fs/promises";
import { NETNS_FOLDER } from "../names.ts";
import type { OwnNetwork } from "./own-network.ts";

/** All that the kernel's network has of a test: its namespace, and the namespaces of slots with these marks. */
export async function kernelState(network: OwnNetwork, marks: readonly string[]): Promise<string[]> {
  const namespaces = await readdir(NETNS_FOLDER);
  const own = namespaces.filter((name) => marks.some((mark) => name.startsWith(`r${mark}-`)));
  return [...own.sort().map((name) => `namespace ${name}`), ...(await network.state())];
}
