/**
 * The resolvers that answer sandboxes' DNS questions: this machine's own upstream ones.
 *
 * A local forwarder in between (systemd-resolved listens on 127.0.0.53) cannot be reached from a slot: then those that it
 * asks itself are used, as it publishes them.
 */
import { readFile } from "node:fs/promises";
import { parseAddress } from "./address-range.ts";

/** In order of preference: the first that names a resolver which a slot can be led to. */
export const RESOLVER_FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] as const;

/** IPv4 addresses; empty when no file names one. Slots have no IPv6, so resolvers with such addresses are passed over. */
export async function readResolvers(files: readonly string[]): Promise<readonly string[]> {
  for (const file of files) {
    const text = await readFile(file, "utf8").catch(() => "");
    const resolvers = nameservers(text).filter(isReachable);
    if (resolvers.length > 0) return resolvers;
  }
  return [];
}

function nameservers(text: string): string[] {
  const addresses = text.split("\n").map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? "");
  return [...new Set(addresses.filter((address) => address !== ""))];
}

function isReachable(address: string): boolean {
  const number = parseAddress(address);
  return number !== undefined && !address.startsWith("127.") && !address.startsWith("0.");
}
