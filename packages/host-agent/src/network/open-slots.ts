/** The slots of a host, and its own side of their network. */
import type { Logger } from "pino";
import { type CommandRunner, runCommand } from "../commands/run.ts";
import { parseAddressRange } from "./address-range.ts";
import { HostNetwork, removeHostNetwork } from "./host-network.ts";
import { refuseOverlap } from "./overlap.ts";
import { listOwn } from "./own-objects.ts";
import { RESOLVER_FILES } from "./resolvers.ts";
import { SlotPool } from "./slot-pool.ts";
import type { Slots } from "./slots.ts";

export interface SlotsOptions {
  /** Four characters of the host's id: `hostMark`. */
  readonly mark: string;
  /** ROOST_SLOT_CIDR */
  readonly cidr: string;
  /** How many slots are kept ready. Default: 2. */
  readonly spare?: number;
  readonly logger: Logger;
  /** Default: the real one. */
  readonly run?: CommandRunner;
  /** Where resolvers are looked for, in the form of resolv.conf. Default: this machine's. */
  readonly resolverFiles?: readonly string[];
}

/**
 * Sets up the host's side of the network, and the first spare slot: a kernel that cannot do it is found out here.
 * @throws RoostError `invalid_request` or `conflict` (the range), `internal` (the kernel refused); nothing new is left then.
 */
export async function openSlots(options: SlotsOptions): Promise<Slots> {
  const { mark, logger, spare = 2, run = runCommand, resolverFiles = RESOLVER_FILES } = options;
  const range = parseAddressRange(options.cidr);
  await refuseOverlap(run, mark, range);
  const { links, namespaces } = await listOwn(mark, run);
  const found = links.union(namespaces);

  const host = new HostNetwork({ run, mark, range, resolverFiles, logger });
  const pool = new SlotPool({ run, mark, range, logger, spare, found, host });
  try {
    await host.open();
    await pool.open();
    return pool;
  } catch (error) {
    await pool[Symbol.asyncDispose]();
    // With slots of an earlier agent there are sandboxes behind the table.
    if (found.size === 0) await removeHostNetwork(run, mark);
    throw error;
  }
}
