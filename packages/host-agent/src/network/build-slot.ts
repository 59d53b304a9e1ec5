/** Making a slot: its namespace, its links, its rules. */
import { access } from "node:fs/promises";
import type { CommandRunner } from "../commands/run.ts";
import { type AddressRange, slotAddresses } from "./address-range.ts";
import type { HostNetwork } from "./host-network.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { openLoopback } from "./loopback.ts";
import { netnsPath, slotName } from "./names.ts";
import { slotRules, UPLINK_NAME } from "./slot-rules.ts";
import { GUEST_ADDRESS, GUEST_GATEWAY, GUEST_MAC, GUEST_PREFIX_LENGTH, type Slot, TAP_MAC, TAP_NAME } from "./slots.ts";

export interface SlotMaker {
  readonly run: CommandRunner;
  readonly mark: string;
  readonly range: AddressRange;
  readonly host: Pick<HostNetwork, "resolverIsLocal">;
}

/** @throws RoostError `internal` when the kernel refused; what was made until then is left to `destroySlot`. */
export async function buildSlot(maker: SlotMaker, index: number, signal?: AbortSignal): Promise<Slot> {
  const slot = describeSlot(maker, index);
  try {
    await build(maker, slot, signal);
    return slot;
  } catch (error) {
    throw signal?.aborted ? error : kernelRefused(`make network slot ${slot.name}`, error);
  }
}

export function describeSlot({ mark, range }: SlotMaker, index: number): Slot {
  const name = slotName(mark, index);
  return { index, name, netns: netnsPath(name), address: slotAddresses(range, index).slot };
}

async function build({ run, range, host }: SlotMaker, slot: Slot, signal: AbortSignal | undefined): Promise<void> {
  const addresses = slotAddresses(range, slot.index);
  const inNamespace: [string, ...string[]] = ["nsenter", `--net=${slot.netns}`];

  const hasIpv6 = await kernelHasIpv6();
  await run(["ip", "netns", "add", slot.name], { signal });
  // Before any link comes up, so that none ever has an IPv6 address.
  await run([...inNamespace, "tee", ...namespaceSwitches(hasIpv6)], { input: "1\n", signal });
  await run([...inNamespace, "nft", "-f", "-"], { input: slotRules(addresses), signal });
  await run(["ip", "-batch", "-"], { input: hostLinks(slot, addresses.host, hasIpv6), signal });
  if (host.resolverIsLocal) await openLoopback(run, [slot.name], signal);
  await run(["ip", "-netns", slot.name, "-batch", "-"], { input: namespaceLinks(addresses), signal });
}

function kernelHasIpv6(): Promise<boolean> {
  return access("/proc/sys/net/ipv6").then(
    () => true,
    () => false,
  );
}

/** Files that hold 1 in a slot. */
function namespaceSwitches(hasIpv6: boolean): string[] {
  const ipv6 = ["/proc/sys/net/ipv6/conf/all/disable_ipv6", "/proc/sys/net/ipv6/conf/default/disable_ipv6"];
  return ["/proc/sys/net/ipv4/ip_forward", ...(hasIpv6 ? ipv6 : [])];
}

/** `addrgenmode none`: the host's end, too, never has an IPv6 address. */
function hostLinks({ name }: Slot, address: string, hasIpv6: boolean): string {
  const lines = [
    `link add name ${name} type veth peer name ${UPLINK_NAME} netns ${name}`,
    ...(hasIpv6 ? [`link set dev ${name} addrgenmode none`] : []),
    `address add ${address}/31 dev ${name}`,
    `link set dev ${name} up`,
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * The guest is a permanent neighbour: it is found without asking, and no answer of its own about addresses is believed.
 */
function namespaceLinks(addresses: { readonly host: string; readonly slot: string }): string {
  return `link set dev lo up
tuntap add dev ${TAP_NAME} mode tap
link set dev ${TAP_NAME} address ${TAP_MAC}
address add ${GUEST_GATEWAY}/${GUEST_PREFIX_LENGTH} dev ${TAP_NAME}
link set dev ${TAP_NAME} up
neighbour add ${GUEST_ADDRESS} lladdr ${GUEST_MAC} nud permanent dev ${TAP_NAME}
address add ${addresses.slot}/31 dev ${UPLINK_NAME}
link set dev ${UPLINK_NAME} up
route add default via ${addresses.host} dev ${UPLINK_NAME}
`;
}
