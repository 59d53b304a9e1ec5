/**
 * The nftables rules inside a slot's namespace.
 *
 *   guest 169.254.0.21 ── tap0 169.254.0.22 [ namespace ] uplink, the slot's address ── host
 *
 * What holds: the guest speaks only as 169.254.0.21; towards the host it bears the slot's address; whatever comes from the host
 * reaches it as coming from its gateway (envd takes `/init` from there alone); the namespace itself answers nobody and sends
 * nothing, so that a VMM that was broken into has no network but its guest's.
 */
import { CLOSED_NETWORKS } from "./closed-networks.ts";
import { GUEST_ADDRESS, GUEST_GATEWAY, TAP_NAME } from "./slots.ts";

export const SLOT_TABLE = "roost";
/** The namespace's end of the veth pair. */
export const UPLINK_NAME = "uplink";

/**
 * Connections that a guest may have open at once. The kernel's table of connections is shared by the whole machine (65,536 entries
 * on a small one): one guest that scans the internet must not fill it.
 */
export const CONNECTION_LIMIT = 8192;

export function slotRules(addresses: { readonly host: string; readonly slot: string }): string {
  return `table inet ${SLOT_TABLE} {
  set closed {
    type ipv4_addr; flags interval; auto-merge
    elements = { ${[...CLOSED_NETWORKS, addresses.host, addresses.slot].join(", ")} }
  }
  chain prerouting {
    type filter hook prerouting priority mangle; policy accept;
    iifname "${TAP_NAME}" jump from_guest
  }
  chain from_guest {
    meta nfproto != ipv4 counter drop
    ip saddr != ${GUEST_ADDRESS} counter drop
    ct state established,related accept
    ct state invalid counter drop
    jump new_from_guest
  }
  chain new_from_guest {
    ct count over ${CONNECTION_LIMIT} counter drop
    ip daddr ${GUEST_GATEWAY} meta l4proto { tcp, udp } th dport 53 accept
    ip daddr @closed counter drop
    meta l4proto != { tcp, udp, icmp } counter drop
  }
  chain translate_destination {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "${TAP_NAME}" ip daddr ${GUEST_GATEWAY} meta l4proto { tcp, udp } th dport 53 dnat ip to ${addresses.host}
    iifname "${UPLINK_NAME}" ip daddr ${addresses.slot} dnat ip to ${GUEST_ADDRESS}
  }
  chain translate_source {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${TAP_NAME}" snat ip to ${GUEST_GATEWAY}
    oifname "${UPLINK_NAME}" snat ip to ${addresses.slot}
  }
  chain input {
    type filter hook input priority filter; policy drop;
    counter drop
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    iifname "${TAP_NAME}" oifname "${UPLINK_NAME}" accept
    iifname "${UPLINK_NAME}" oifname "${TAP_NAME}" accept
    counter drop
  }
  chain output {
    type filter hook output priority filter; policy drop;
    counter drop
  }
}
`;
}

/** Makes a slot's guest answer the host and reach nothing else. */
export function noInternetRules(): string {
  return `insert rule inet ${SLOT_TABLE} new_from_guest counter drop\n`;
}
