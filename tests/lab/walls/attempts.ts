/** What a guest's root tries in order to get out of its sandbox (N1), by name. */
import { INTERNET, LAN_NEIGHBOUR, METADATA, ROUTER } from "@roost/launcher/lab-network";

/** As attempts.py reads them. */
export type Attempt = { readonly name: string } & (
  | {
      readonly kind: "tcp" | "udp";
      readonly to: string;
      readonly port: number;
      readonly source?: string;
      readonly data?: string;
    }
  | { readonly kind: "ping" | "name"; readonly to: string }
  | { readonly kind: "raw"; readonly to: string; readonly protocol: number; readonly data: string }
  | { readonly kind: "arp"; readonly claim: string; readonly ask: string }
  | { readonly kind: "command"; readonly argv: readonly string[] }
);

export interface Targets {
  /** The host's own addresses. */
  readonly host: { readonly v4: string; readonly v6: string };
  /** A port on which the host answers to everyone. */
  readonly hostPort: number;
  /** The host's end of the guest's slot, and the slot's own address. */
  readonly hostEnd: string;
  readonly slot: string;
  /** Another sandbox's slot. */
  readonly neighbour: string;
}

const ENVD_PORT = 49_983;
/** A question for the addresses of a.bc. */
const DNS_QUESTION = "abcd01000001000000000000016102626300000100 01".replace(" ", "");

export const ALLOWED: readonly Attempt[] = [
  { name: "DNS at the gateway", kind: "name", to: "example.com" },
  { name: "HTTP to the internet", kind: "tcp", to: INTERNET.v4, port: 80 },
];

/** None of them may come to anything. */
export function forbidden({ host, hostPort, hostEnd, slot, neighbour }: Targets): Attempt[] {
  const gateway = "169.254.0.22";
  const everywhere: Attempt[] = [
    { name: "a host's service, by its LAN address", kind: "tcp", to: host.v4, port: hostPort },
    { name: "the host, ping", kind: "ping", to: host.v4 },
    { name: "a host's service, by its end of the slot", kind: "tcp", to: hostEnd, port: hostPort },
    { name: "a host's service, by the slot's address", kind: "tcp", to: slot, port: hostPort },
    { name: "a host's service, by the gateway", kind: "tcp", to: gateway, port: hostPort },
    { name: "Roost's API, by the gateway", kind: "tcp", to: gateway, port: 4700 },
    { name: "Roost's API, by the LAN address", kind: "tcp", to: host.v4, port: 4700 },
    { name: "the host agent, by its end of the slot", kind: "tcp", to: hostEnd, port: 4701 },
    { name: "another sandbox's guest agent", kind: "tcp", to: neighbour, port: ENVD_PORT },
    { name: "another sandbox, ping", kind: "ping", to: neighbour },
    { name: "the metadata address", kind: "tcp", to: METADATA, port: 80 },
    { name: "the metadata address, UDP", kind: "udp", to: METADATA, port: 7 },
    { name: "a LAN neighbour", kind: "tcp", to: LAN_NEIGHBOUR.v4, port: 80 },
    { name: "a LAN neighbour, UDP", kind: "udp", to: LAN_NEIGHBOUR.v4, port: 7 },
    { name: "a LAN neighbour, ping", kind: "ping", to: LAN_NEIGHBOUR.v4 },
    { name: "the router", kind: "tcp", to: ROUTER.v4, port: 80 },
    { name: "the resolver, not by the gateway", kind: "udp", to: ROUTER.v4, port: 53, data: DNS_QUESTION },
    { name: "the LAN's broadcast", kind: "udp", to: "192.168.77.255", port: 7 },
    { name: "link-local", kind: "tcp", to: "169.254.1.1", port: 80 },
    { name: "multicast", kind: "udp", to: "224.0.0.251", port: 7 },
    { name: "Docker's network", kind: "tcp", to: "172.17.0.1", port: hostPort },
    { name: "carrier-grade NAT", kind: "tcp", to: "100.64.0.1", port: 80 },
  ];
  return [...everywhere, ...overIpv6(host.v6), ...spoofed(slot, neighbour), ...withArp(neighbour)];
}

/** With addresses and routes as if there were IPv6 behind the gateway. */
function overIpv6(hostV6: string): Attempt[] {
  const setUp = [
    ["address", "replace", "fd77::66/64", "dev", "eth0", "nodad"],
    ["neighbour", "replace", "fd77::254", "lladdr", "02:fc:00:00:00:06", "nud", "permanent", "dev", "eth0"],
    ["-6", "route", "replace", "default", "via", "fd77::254"],
  ];
  const switchOn = ["sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"];
  return [
    { name: "switch IPv6 on", kind: "command", argv: switchOn },
    ...setUp.map((argv): Attempt => ({ name: `ip ${argv.join(" ")}`, kind: "command", argv: ["ip", ...argv] })),
    { name: "the internet, IPv6", kind: "tcp", to: INTERNET.v6, port: 80 },
    { name: "the internet, IPv6 UDP", kind: "udp", to: INTERNET.v6, port: 7 },
    { name: "the internet, IPv6 ping", kind: "ping", to: INTERNET.v6 },
    { name: "the host, IPv6", kind: "tcp", to: hostV6, port: 8080 },
    { name: "a LAN neighbour, IPv6", kind: "tcp", to: LAN_NEIGHBOUR.v6, port: 80 },
    { name: "all IPv6 nodes of the link", kind: "ping", to: "ff02::1" },
    { name: "IPv6 inside IPv4", kind: "raw", to: INTERNET.v4, protocol: 41, data: `60000000${"00".repeat(36)}` },
    { name: "GRE", kind: "raw", to: INTERNET.v4, protocol: 47, data: "0000080045000014" },
  ];
}

/** With another's address as the source. */
function spoofed(slot: string, neighbour: string): Attempt[] {
  const sources = {
    "another sandbox's": neighbour,
    "its slot's": slot,
    "a LAN neighbour's": LAN_NEIGHBOUR.v4,
    "a stranger's": "45.113.9.9",
  };
  return Object.entries(sources).flatMap(([whose, source]): Attempt[] => [
    {
      name: `bear ${whose} address`,
      kind: "command",
      argv: ["ip", "address", "replace", `${source}/32`, "dev", "eth0"],
    },
    { name: `the internet from ${whose} address`, kind: "udp", to: INTERNET.v4, port: 7, source },
    { name: `a LAN neighbour from ${whose} address`, kind: "udp", to: LAN_NEIGHBOUR.v4, port: 7, source },
  ]);
}

/** Claims to be another on the link, and asks for who is not there. */
function withArp(neighbour: string): Attempt[] {
  return [
    {
      name: "ARP: claim the gateway's address, ask for a LAN neighbour",
      kind: "arp",
      claim: "169.254.0.22",
      ask: LAN_NEIGHBOUR.v4,
    },
    { name: "ARP: claim the router's address, ask for another sandbox", kind: "arp", claim: ROUTER.v4, ask: neighbour },
  ];
}
