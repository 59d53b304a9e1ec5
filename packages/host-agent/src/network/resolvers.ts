/**
 * The resolvers that answer sandboxes' DNS questions: this machine's own upstream ones.
 *
 * A local forwarder (systemd-resolved listens on 127.0.0.53) is passed over for those that it asks itself, where it publishes
 * them. One that does not (dnsmasq, unbound, a Pi-hole on 127.0.0.1) is asked itself.
 */
import { readFile } from "node:fs/promises";
import { parseAddress } from "./address-range.ts";

/** In order of preference. */
export const RESOLVER_FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] as const;

/** IPv4 addresses; empty when no file names one. Slots have no IPv6, so resolvers with such addresses are passed over. */
export async function readResolvers(files: readonly string[]): Promise<readonly string[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  const lists = texts.map((text) => nameservers(text).filter((address) => parseAddress(address) !== undefined));
  const upstream = lists.map((list) => list.filter((address) => !isLoopback(address)));
  return [...upstream, ...lists].find((list) => list.length > 0) ?? [];
}

export function isLoopback(address: string): boolean {
  return address.startsWith("127.");
}

function nameservers(text: string): string[] {
  const addresses = text.split("\n").map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? "");
  return [...new Set(addresses.filter((address) => address !== ""))];
}
