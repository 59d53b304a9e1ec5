/**
 * Another machine on the host's network, for tests: a namespace at the other end of a cable, with an address from which it listens
 * and connects. Whether it is "the internet", "the LAN" or a resolver is a matter of its address.
 */
import { randomBytes } from "node:crypto";
import { runCommand } from "../../commands/run.ts";
import { netnsPath } from "../names.ts";
import type { OwnNetwork } from "./own-network.ts";
import { Probe } from "./probe.ts";

export class Neighbour implements AsyncDisposable {
  readonly address: string;
  readonly probe: Probe;
  readonly #name: string;

  private constructor(name: string, address: string) {
    this.#name = name;
    this.address = address;
    this.probe = new Probe(netnsPath(name));
  }

  /**
   * @param address its own
   * @param hostAddress the host's, at its end of the cable
   */
  static async join(host: OwnNetwork, address: string, hostAddress: string): Promise<Neighbour> {
    const name = `t${randomBytes(5).toString("hex")}`;
    await using undo = new AsyncDisposableStack();
    undo.defer(() => remove(name));
    await runCommand(["ip", "netns", "add", name]);
    await host.run(["ip", "-batch", "-"], {
      input: `link add ${name} type veth peer name eth0 netns ${name}
address add ${hostAddress} peer ${address} dev ${name}
link set ${name} addrgenmode none up
`,
    });
    // It has no other route: who is answered from here bears the host's address.
    await runCommand(["ip", "-netns", name, "-batch", "-"], {
      input: `link set lo up
address add ${address} peer ${hostAddress} dev eth0
link set eth0 up
`,
    });
    undo.move();
    return new Neighbour(name, address);
  }

  /** Makes the host's end of the cable narrower than this one: as behind a VPN or PPPoE. */
  async narrowHostEnd(host: OwnNetwork, mtu: number): Promise<void> {
    await host.run(["ip", "link", "set", "dev", this.#name, "mtu", String(mtu)]);
  }

  /** Makes the host its router to everywhere, as an intruder on the LAN would. */
  async routeThrough(hostAddress: string): Promise<void> {
    await runCommand(["ip", "-netns", this.#name, "route", "add", "default", "via", hostAddress]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.probe[Symbol.asyncDispose]();
    await remove(this.#name);
  }
}

/** The cable goes with it. */
async function remove(name: string): Promise<void> {
  await runCommand(["ip", "netns", "delete", name]).catch(() => undefined);
}
