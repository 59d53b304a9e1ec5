/** Names of what a host makes in the kernel for its network: they say whose it is, and fit a link's 15 characters. */

/** Name of the namespace, and of the host's end of the veth pair, of slot `index`. */
export function slotName(mark: string, index: number): string {
  return `${slotPrefix(mark)}${index}`;
}

/** With an asterisk after it, nftables' pattern for all links of this host. */
export function slotPrefix(mark: string): string {
  return `${tableName(mark)}-`;
}

/** Index of the slot that a link or namespace belongs to; `undefined` when it is not of this host. */
export function slotIndex(mark: string, name: string): number | undefined {
  const prefix = slotPrefix(mark);
  const index = name.startsWith(prefix) ? name.slice(prefix.length) : "";
  return /^(0|[1-9]\d{0,6})$/.test(index) ? Number(index) : undefined;
}

/** The host's nftables table, of family inet. */
export function tableName(mark: string): string {
  if (!/^[a-z2-7]{4}$/.test(mark)) throw new TypeError(`not a host's mark: ${mark}`);
  return `r${mark}`;
}

/** Path of a namespace that `ip netns` made. */
export function netnsPath(name: string): string {
  return `${NETNS_FOLDER}/${name}`;
}

export const NETNS_FOLDER = "/run/netns";
