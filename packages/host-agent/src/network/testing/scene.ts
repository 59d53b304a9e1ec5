/** A host with slots, a machine on the internet and one in the LAN: what tests of the network play on. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { parseAddressRange } from "../address-range.ts";
import { HostNetwork } from "../host-network.ts";
import { openSlots, teardownNetwork } from "../network.ts";
import type { Slot, Slots } from "../slots.ts";
import { freshHost } from "./marks.ts";
import { Neighbour } from "./neighbour.ts";
import { OwnNetwork } from "./own-network.ts";
import { Probe } from "./probe.ts";

/** The host's own addresses towards the two. */
export const HOST_ON_INTERNET = "45.113.7.1";
export const HOST_IN_LAN = "192.168.213.1";

export interface Scene extends AsyncDisposable {
  /** Stands for the machine's own. */
  readonly network: OwnNetwork;
  /** Connects from the host. */
  readonly host: Probe;
  readonly mark: string;
  readonly slots: Slots;
  /** Has a public address, and serves port 80. */
  readonly internet: Neighbour;
  /** Has a private address, serves port 80, and is the host's resolver. */
  readonly lan: Neighbour;
  /** How many packets' senders have been seen by anyone outside of the slots. */
  readonly contacts: () => Promise<number>;
  /** Writes the host's resolv.conf. */
  readonly useResolvers: (addresses: readonly string[]) => Promise<void>;
  /** The host's side as a process of its own looks after it. */
  readonly hostNetwork: HostNetwork;
}

/** @param prepare what is on the machine before Roost comes. */
export async function openScene(prepare: (network: OwnNetwork) => Promise<void> = async () => {}): Promise<Scene> {
  await using undo = new AsyncDisposableStack();
  const { mark, cidr } = freshHost();
  const network = undo.use(await OwnNetwork.make());
  const host = undo.use(new Probe(network.netns));
  const internet = undo.use(await Neighbour.join(network, "45.113.7.2", HOST_ON_INTERNET));
  const lan = undo.use(await Neighbour.join(network, "192.168.213.2", HOST_IN_LAN));
  await internet.probe.serve(internet.address, 80);
  await lan.probe.serve(lan.address, 80);
  await lan.probe.serve(lan.address, 53);
  await prepare(network);

  const folder = await mkdtemp(join(tmpdir(), "roost-network-"));
  undo.defer(() => rm(folder, { recursive: true }));
  const resolverFiles = [join(folder, "resolv.conf")];
  const useResolvers = (addresses: readonly string[]) =>
    writeFile(join(folder, "resolv.conf"), addresses.map((address) => `nameserver ${address}\n`).join(""));
  await useResolvers([lan.address]);
  const contacts = async () => {
    const counts = await Promise.all([internet, lan, { probe: host }].map(({ probe }) => probe.contacts()));
    return counts.reduce((sum, count) => sum + count, 0);
  };

  const { run } = network;
  const logger = pino({ level: "silent" });
  undo.defer(() => teardownNetwork(mark, { run }));
  const slots = undo.use(await openSlots({ mark, cidr, logger, spare: 1, run, resolverFiles }));
  const hostNetwork = new HostNetwork({ run, mark, range: parseAddressRange(cidr), resolverFiles, logger });
  await hostNetwork.open();
  const resources = undo.move();
  return {
    ...{ network, host, mark, slots, internet, lan, contacts, useResolvers, hostNetwork },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** The host's address at its end of a slot. */
export function hostEnd(slot: Slot): string {
  return slot.address.replace(/\d+$/, (last) => String(Number(last) - 1));
}
