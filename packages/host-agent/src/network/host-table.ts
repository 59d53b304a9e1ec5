/**
 * Puts the host's table in place, and takes it away, with IPv4 forwarding.
 *
 * Forwarding is switched on if it was off, and off again when the last Roost of the machine goes. That it was off is remembered in the kernel (an empty
 * chain in the table): so the fact lives as long as what it is about, every Roost sees it, and one that comes later takes it over.
 */
import { Type } from "typebox";
import { Value } from "typebox/value";
import type { CommandRunner } from "../commands/run.ts";
import type { AddressRange } from "./address-range.ts";
import { FORWARDING_MARK, hostRules } from "./host-rules.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { isRoostTable, tableName } from "./names.ts";

const FORWARDING_FILE = "/proc/sys/net/ipv4/ip_forward";

export interface HostTable {
  readonly mark: string;
  readonly range: AddressRange;
  readonly resolvers: readonly string[];
}

/** Makes or replaces it, in one transaction: what is open meanwhile stays open, what is closed stays closed. */
export async function installHostTable(run: CommandRunner, table: HostTable): Promise<void> {
  try {
    const marked = await tablesWithForwardingMark(run);
    const isOff = (await run(["cat", FORWARDING_FILE])).stdout.trim() === "0";
    await run(["nft", "-f", "-"], { input: hostRules({ ...table, forwardingWasOff: isOff || marked.length > 0 }) });
    if (isOff) await run(["tee", FORWARDING_FILE], { input: "1\n" });
  } catch (error) {
    throw kernelRefused("set up the host's firewall table", error);
  }
}

/** Idempotent. */
export async function removeHostTable(run: CommandRunner, mark: string): Promise<void> {
  try {
    const tables = await roostTables(run);
    if (!tables.includes(tableName(mark))) return;
    const wasOff = (await tablesWithForwardingMark(run)).includes(tableName(mark));
    // Before the table goes: should this be cut short, the fact is still there for the next try.
    if (wasOff && tables.length === 1) await run(["tee", FORWARDING_FILE], { input: "0\n" });
    await run(["nft", "delete", "table", "inet", tableName(mark)]);
  } catch (error) {
    throw kernelRefused("remove the host's firewall table", error);
  }
}

/** What `nft -j list tables` and `list chains` say that is of interest here: other kinds of entries stand between. */
const Listing = Type.Object({
  nftables: Type.Array(
    Type.Object({
      table: Type.Optional(Type.Object({ family: Type.String(), name: Type.String() })),
      chain: Type.Optional(Type.Object({ family: Type.String(), table: Type.String(), name: Type.String() })),
    }),
  ),
});

async function roostTables(run: CommandRunner): Promise<string[]> {
  const { stdout } = await run(["nft", "-j", "list", "tables", "inet"]);
  const tables = Value.Parse(Listing, JSON.parse(stdout)).nftables.map(({ table }) => table?.name ?? "");
  return tables.filter(isRoostTable);
}

async function tablesWithForwardingMark(run: CommandRunner): Promise<string[]> {
  const { stdout } = await run(["nft", "-j", "list", "chains", "inet"]);
  const chains = Value.Parse(Listing, JSON.parse(stdout)).nftables.map(({ chain }) => chain);
  const marks = chains.filter((chain) => chain?.name === FORWARDING_MARK).map((chain) => chain?.table ?? "");
  return marks.filter(isRoostTable);
}
