/**
 * Networks that no sandbox reaches (N1): this machine's surroundings and whatever is not the public internet (IANA's registry of
 * special-purpose addresses). Written into each slot and, a second time, on the host: so that a firewall reload which
 * flushes the host's rules opens nothing.
 */
export const CLOSED_NETWORKS = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // carrier-grade NAT, Tailscale
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, with the clouds' metadata service
  "172.16.0.0/12", // private, Docker
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // relays of IPv6 over IPv4
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/3", // multicast, reserved, broadcast
] as const;
