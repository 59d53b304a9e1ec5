/**
 * The host's nftables table: one for all slots of this host, its rules naming their links by pattern, so that it is made once,
 * replaced as a whole, and never touched when slots come and go.
 *
 * What holds (N1): from a slot nothing reaches this machine, another slot or a closed network, and no IPv6 passes; a
 * slot's packets bear its own address; only this machine's root opens a connection into a slot.
 *
 * DNS: a slot sends its guest's questions to the host's end of its veth pair; here they are sent on to the machine's resolvers,
 * which may well have a private address. So resolvers change in one place. One on 127.0.0.1 is asked as from there, since
 * such often answer nobody else (loopback.ts).
 */
import type { AddressRange } from "./address-range.ts";
import { CLOSED_NETWORKS } from "./closed-networks.ts";
import { slotPrefix, tableName } from "./names.ts";

/** A chain without rules, whose presence says that IPv4 forwarding was off before us (host-table.ts). */
export const FORWARDING_MARK = "forwarding_was_off";

/** Holds the slots' address range: by it the range is known to whoever takes the table apart. */
export const RANGE_SET = "range";

/** With its table's name, by it a Roost is told from others whose table is called `route` or `rules`. */
export const SLOT_CHAIN = "from_slot";

export interface HostRules {
  readonly mark: string;
  readonly range: AddressRange;
  /** IPv4 addresses. Empty: sandboxes have no DNS. */
  readonly resolvers: readonly string[];
  readonly forwardingWasOff: boolean;
}

/** One transaction that puts the table in place of whatever there was of it. */
export function hostRules({ mark, range, resolvers, forwardingWasOff }: HostRules): string {
  const table = tableName(mark);
  const slots = `"${slotPrefix(mark)}*"`;
  return `table inet ${table} {}
delete table inet ${table}
table inet ${table} {
  set ${RANGE_SET} {
    type ipv4_addr; flags interval
    elements = { ${range.cidr} }
  }
  set closed {
    type ipv4_addr; flags interval; auto-merge
    elements = { ${[...CLOSED_NETWORKS, range.cidr].join(", ")} }
  }
  chain prerouting {
    type filter hook prerouting priority mangle; policy accept;
    iifname ${slots} jump ${SLOT_CHAIN}
  }
  chain ${SLOT_CHAIN} {
    meta nfproto != ipv4 counter drop
    fib saddr . iif oif missing counter drop
    ct state established,related accept
    ct state invalid counter drop
    ip daddr @${RANGE_SET} meta l4proto { tcp, udp } th dport 53 accept
    fib daddr type != unicast counter drop
    ip daddr @closed counter drop
    meta l4proto != { tcp, udp, icmp } counter drop
  }
  chain translate_destination {
    type nat hook prerouting priority dstnat; policy accept;
${resolverRules(slots, resolvers)}  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname ${slots} jump to_host
  }
  chain to_host {
    ct state established,related accept
    ct status dnat ct original ip daddr @${RANGE_SET} accept
    counter drop
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname ${slots} jump through_host
    oifname ${slots} ct state established,related accept
    oifname ${slots} counter drop
  }
  chain through_host {
    oifname ${slots} counter drop
    ct state established,related accept
    ct status dnat ct original ip daddr @${RANGE_SET} accept
    ip daddr @closed counter drop
    tcp flags syn tcp option maxseg size set rt mtu
  }
  chain output {
    type filter hook output priority filter; policy accept;
    oifname ${slots} ct state established,related accept
    oifname ${slots} meta skuid != 0 counter drop
  }
  chain translate_source_to_loopback {
    type nat hook input priority 100; policy accept;
    iifname ${slots} ip daddr 127.0.0.0/8 snat ip to 127.0.0.1
  }
  chain translate_source {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr @${RANGE_SET} oifname != ${slots} masquerade
  }
${forwardingWasOff ? `  chain ${FORWARDING_MARK} {}\n` : ""}}
`;
}

/** Each question goes to the next resolver: a guest that asks again, because one is dead, is answered by another. */
function resolverRules(slots: string, resolvers: readonly string[]): string {
  if (resolvers.length === 0) return "";
  const match = `iifname ${slots} ip daddr @${RANGE_SET} meta l4proto { tcp, udp } th dport 53`;
  const [only] = resolvers;
  const target =
    resolvers.length === 1
      ? only
      : `numgen inc mod ${resolvers.length} map { ${resolvers.map((address, index) => `${index} : ${address}`).join(", ")} }`;
  return `    ${match} dnat ip to ${target}\n`;
}
