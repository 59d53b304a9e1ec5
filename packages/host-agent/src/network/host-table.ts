/**
 * Puts the host's table in place, and takes it away, with IPv4 forwarding.
 *
 * Forwarding is switched on if it was off, and off again when the last Roost of the machine goes. That it was off is remembered in the
 * kernel (an empty chain in the table): so the fact lives as long as what it is about, every Roost sees it, and one that
 * comes later takes it over.
 */
import type { CommandRunner } from "../commands/run.ts";
import type { AddressRange } from "./address-range.ts";
import { FORWARDING_MARK, hostRules, SLOT_CHAIN } from "./host-rules.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { tableName } from "./names.ts";
import type { ListedChain } from "./nft-listing.ts";

const FORWARDING_FILE = "/proc/sys/net/ipv4/ip_forward";

export interface HostTable {
  readonly mark: string;
  readonly range: AddressRange;
  readonly resolvers: readonly string[];
  /** That forwarding was off is known already, whatever the kernel remembers. */
  readonly forwardingWasOff: boolean;
}

/**
 * Makes or replaces it, in one transaction: what is open meanwhile stays open, what is closed stays closed.
 * @returns whether forwarding was off before Roost.
 */
export async function installHostTable(
  run: CommandRunner,
  table: HostTable,
  chains: readonly ListedChain[],
): Promise<boolean> {
  try {
    const isOff = !(await isForwarding(run));
    const forwardingWasOff = table.forwardingWasOff || isOff || tablesWithMark(chains).size > 0;
    await run(["nft", "-f", "-"], { input: hostRules({ ...table, forwardingWasOff }) });
    if (isOff) await run(["tee", FORWARDING_FILE], { input: "1\n" });
    return forwardingWasOff;
  } catch (error) {
    throw kernelRefused("set up the host's firewall table", error);
  }
}

export function hasHostTable(mark: string, chains: readonly ListedChain[]): boolean {
  return roostTables(chains).has(tableName(mark));
}

/** Idempotent. */
export async function removeHostTable(run: CommandRunner, mark: string, chains: readonly ListedChain[]): Promise<void> {
  try {
    if (!hasHostTable(mark, chains)) return;
    const wasOff = tablesWithMark(chains).has(tableName(mark));
    // Before the table goes: should this be cut short, the fact is still there for the next try.
    if (wasOff && roostTables(chains).size === 1) await run(["tee", FORWARDING_FILE], { input: "0\n" });
    await run(["nft", "delete", "table", "inet", tableName(mark)]);
  } catch (error) {
    throw kernelRefused("remove the host's firewall table", error);
  }
}

export async function isForwarding(run: CommandRunner): Promise<boolean> {
  return (await run(["cat", FORWARDING_FILE])).stdout.trim() === "1";
}

/** Of all Roosts on this machine. */
export function roostTables(chains: readonly ListedChain[]): ReadonlySet<string> {
  const own = chains.filter(
    ({ family, table, name }) => family === "inet" && name === SLOT_CHAIN && /^r[a-z2-7]{4}$/.test(table),
  );
  return new Set(own.map(({ table }) => table));
}

function tablesWithMark(chains: readonly ListedChain[]): ReadonlySet<string> {
  const marks = chains.filter(({ family, name }) => family === "inet" && name === FORWARDING_MARK);
  return roostTables(chains).intersection(new Set(marks.map(({ table }) => table)));
}
