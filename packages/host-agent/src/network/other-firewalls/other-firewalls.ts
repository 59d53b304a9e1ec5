/**
 * Docker, ufw, firewalld and the like drop what the machine forwards unless they were told of it. A packet must please every
 * firewall on its way, so no rule of our own table helps: each such firewall gets one rule that lets our slots' packets pass, in its own
 * tool's words, marked as ours, and taken away by `down`. Nothing else of theirs is touched. What slots may reach is decided by our table alone.
 *
 * A firewall that starts or reloads later is found by the next look (host-network.ts).
 */
import type { CommandRunner } from "../../commands/run.ts";
import type { ListedChain } from "../nft-listing.ts";
import { Firewalld } from "./firewalld.ts";
import { Iptables } from "./iptables.ts";
import { NftChains } from "./nft-chains.ts";

/** Whose slots are to pass. */
export interface Passage {
  readonly mark: string;
  /** The slots' address range. */
  readonly cidr: string;
}

/** Whose passage ends. The range is unknown when someone flushed our table, and with it, as a rule, their own. */
export type FormerPassage = Pick<Passage, "mark"> & { readonly cidr: string | undefined };

export interface OtherFirewall {
  readonly name: string;
  /**
   * Lets the slots pass where this firewall would stop them. Idempotent.
   * @param chains all that nftables has now
   * @returns whether anything had to be changed
   */
  admit(passage: Passage, chains: readonly ListedChain[]): Promise<boolean>;
  /** Takes back what `admit` did, also in an earlier process. Idempotent. */
  withdraw(passage: FormerPassage, chains: readonly ListedChain[]): Promise<void>;
}

export function otherFirewalls(run: CommandRunner): readonly OtherFirewall[] {
  return [
    new Firewalld(run),
    new Iptables("iptables-nft", run),
    new Iptables("iptables-legacy", run),
    new NftChains(run),
  ];
}
