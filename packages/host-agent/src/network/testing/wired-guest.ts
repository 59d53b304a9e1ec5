/**
 * A guest for a slot without booting one: QEMU, with no machine in it, opens the slot's TAP device as a VMM does and passes every
 * frame to a second TAP device, which stands in a namespace configured as a guest configures its eth0. So real frames go through
 * the real device, and tests have all of Linux's network at the guest's end.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { runCommand } from "../../commands/run.ts";
import { netnsPath } from "../names.ts";
import { GUEST_ADDRESS, GUEST_GATEWAY, GUEST_MAC, GUEST_PREFIX_LENGTH, type Slot, TAP_NAME } from "../slots.ts";
import { Probe } from "./probe.ts";

export class WiredGuest implements AsyncDisposable {
  readonly probe: Probe;
  /** The guest's namespace, for `ip -netns`. */
  readonly netns: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(netns: string, resources: AsyncDisposableStack) {
    this.netns = netns;
    this.#resources = resources;
    this.probe = resources.use(new Probe(netnsPath(netns)));
  }

  static async plugInto(slot: Slot): Promise<WiredGuest> {
    await using undo = new AsyncDisposableStack();
    const netns = `guest-${slot.name}`;
    await runCommand(["ip", "netns", "add", netns]);
    undo.defer(async () => {
      await runCommand(["ip", "netns", "delete", netns]);
    });

    const tap = (id: string, ifname: string) => [
      ...["-netdev", `tap,id=${id},ifname=${ifname},script=no,downscript=no`],
      ...["-netdev", `hubport,id=${id}-port,hubid=0,netdev=${id}`],
    ];
    const qemu = spawn(
      "nsenter",
      [
        `--net=${slot.netns}`,
        ...["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none", "-qmp", "stdio"],
        ...tap("slot", TAP_NAME),
        ...tap("guest", "guest0"),
      ],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    undo.defer(async () => {
      if (qemu.exitCode !== null) return;
      const ended = once(qemu, "exit");
      qemu.kill("SIGKILL");
      await ended;
    });
    // QMP's greeting: the devices are open.
    await Promise.race([
      once(qemu.stdout, "data"),
      once(qemu, "exit").then(() => Promise.reject(new Error("QEMU did not start"))),
    ]);

    await runCommand(["ip", "-netns", slot.name, "link", "set", "guest0", "netns", netns]);
    await runCommand(["ip", "-netns", netns, "-batch", "-"], {
      input: `link set lo up
link set guest0 address ${GUEST_MAC}
address add ${GUEST_ADDRESS}/${GUEST_PREFIX_LENGTH} dev guest0
link set guest0 up
route add default via ${GUEST_GATEWAY}
`,
    });
    return new WiredGuest(netns, undo.move());
  }

  /** Sends one packet of an IP protocol that sockets of ours do not speak. */
  async sendRaw(protocol: number, address: string, payload: Buffer): Promise<void> {
    const program = `use Socket;
      socket(my $socket, PF_INET, SOCK_RAW, $ARGV[0]) or die $!;
      send($socket, pack("H*", $ARGV[2]), 0, pack_sockaddr_in(0, inet_aton($ARGV[1]))) or die $!;`;
    const inGuest = ["nsenter", `--net=${netnsPath(this.netns)}`] as const;
    await runCommand([...inGuest, "perl", "-e", program, String(protocol), address, payload.toString("hex")]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
