/** What a guest reaches and what it does not (N1), tried through a slot's real TAP device. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { runCommand } from "../commands/run.ts";
import { CONNECTION_LIMIT } from "./slot-rules.ts";
import { GUEST_GATEWAY, type Slot, TAP_NAME } from "./slots.ts";
import { dropsInSlot, dropsOnHost, outcome } from "./testing/drops.ts";
import { HOST_IN_LAN, HOST_ON_INTERNET, hostEnd, openScene } from "./testing/scene.ts";
import { WiredGuest } from "./testing/wired-guest.ts";

/** One for all tests; each has slots of its own. */
const scene = await openScene();
after(() => scene[Symbol.asyncDispose]());

/** Attempts, each of which is to end at a wall of the slot itself. */
async function assertDropped(guest: WiredGuest, slot: Slot, attempts: Record<string, [string, number, string?]>) {
  const contacts = await scene.contacts();
  for (const [name, [address, port, from]] of Object.entries(attempts)) {
    for (const protocol of ["tcp", "udp"] as const) {
      const before = await dropsInSlot(slot);
      const result = await outcome(
        guest.probe.reach(protocol, address, port, from === undefined ? {} : { from }),
        () => dropsInSlot(slot),
        before,
      );
      assert.equal(result, "dropped", `${name} by ${protocol}`);
      // Not merely the answer.
      assert.equal(await scene.contacts(), contacts, `${name} by ${protocol}`);
    }
  }
}

test("N1: a guest reaches the internet and DNS, seen as its host, and the host reaches the guest", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);

  for (const protocol of ["tcp", "udp"] as const) {
    assert.deepEqual(await guest.probe.reach(protocol, scene.internet.address, 80), { seenAs: HOST_ON_INTERNET });
    assert.deepEqual(await guest.probe.reach(protocol, GUEST_GATEWAY, 53), { seenAs: HOST_IN_LAN });
  }
  await guest.probe.serve("0.0.0.0", 49983);
  assert.deepEqual(
    await scene.host.reach("tcp", slot.address, 49983),
    { seenAs: GUEST_GATEWAY },
    "envd trusts its gateway's address",
  );
});

test("N1: a guest reaches neither its host, another sandbox, the LAN, the metadata address, nor its namespace", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  const other = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await using neighbour = await WiredGuest.plugInto(other);
  await neighbour.probe.serve("0.0.0.0", 49983);

  await assertDropped(guest, slot, {
    "the resolver's other ports": [scene.lan.address, 80],
    "the resolver, not by way of the gateway": [scene.lan.address, 53],
    "the host in the LAN": [HOST_IN_LAN, 22],
    "the host's end of the slot": [hostEnd(slot), 22],
    "the host's end of the slot, DNS": [hostEnd(slot), 53],
    "the slot's own address": [slot.address, 22],
    "another sandbox": [other.address, 49983],
    "the metadata address": ["169.254.169.254", 80],
    "the gateway": [GUEST_GATEWAY, 22],
    "carrier-grade NAT": ["100.100.100.200", 80],
    "a private network": ["172.17.0.1", 80],
  });
});

test("N1: without internet a guest reaches nothing, DNS included, and still answers its host", async () => {
  const slot = await scene.slots.acquire({ internet: false });
  await using guest = await WiredGuest.plugInto(slot);
  await guest.probe.serve("0.0.0.0", 49983);

  await assertDropped(guest, slot, { "the internet": [scene.internet.address, 80], DNS: [GUEST_GATEWAY, 53] });
  assert.deepEqual(await scene.host.reach("tcp", slot.address, 49983), { seenAs: GUEST_GATEWAY });
});

test("N1: a guest cannot bear another address", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  const other = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  const spoofed = [other.address, slot.address, scene.lan.address, "45.113.7.9"];
  for (const address of spoofed)
    await runCommand(["ip", "-netns", guest.netns, "address", "add", address, "dev", "guest0"]);

  await assertDropped(
    guest,
    slot,
    Object.fromEntries(spoofed.map((address) => [`as ${address}`, [scene.internet.address, 80, address]])),
  );
});

test("N1: no IPv6 gets out of a slot, whatever the guest configures", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await runCommand(["ip", "-netns", guest.netns, "-batch", "-"], {
    input: `address add fd00:213::2/64 dev guest0 nodad
neighbour add fd00:213::1 lladdr 02:fc:00:00:00:06 nud permanent dev guest0
route add default via fd00:213::1 dev guest0
`,
  });
  const addresses = await runCommand(["ip", "-netns", slot.name, "-6", "address", "show"]);
  assert.equal(addresses.stdout, "", "the namespace has no IPv6 address");
  for (const address of ["2001:4860:4860::8888", "fd00:213::1"]) {
    for (const protocol of ["tcp", "udp"] as const) {
      const before = await discardedIpv6(slot);
      const attempt = guest.probe.reach(protocol, address, 80);
      assert.equal(await outcome(attempt, () => discardedIpv6(slot), before), "dropped", `${address} by ${protocol}`);
    }
  }
});

test("N1: IPv6 inside of IPv4, other protocols, and packets that belong to no connection end in the slot", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  const packets = {
    "IPv6 in IPv4": [41, Buffer.alloc(40, "6000", "hex")],
    GRE: [47, Buffer.from("0000080045000014", "hex")],
    "an answer to an echo that nobody sent": [1, Buffer.from("0000ffff00000000", "hex")],
  } as const;
  for (const [name, [protocol, payload]] of Object.entries(packets)) {
    const [before, hostBefore] = [await dropsInSlot(slot), await dropsOnHost(scene.network, scene.mark)];
    await guest.sendRaw(protocol, scene.internet.address, payload);
    const atHost = dropsOnHost(scene.network, scene.mark);
    assert.equal(await outcome(new Promise(() => undefined), () => dropsInSlot(slot), before), "dropped", name);
    assert.equal(await atHost, hostBefore, name);
  }
});

test("N1: a guest that opens connections without end does not fill the machine's table of them", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  const before = await dropsInSlot(slot);
  // On a busy machine the first ones must not be forgotten before the last is there.
  const timeout = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout";
  await runCommand(["nsenter", `--net=${slot.netns}`, "tee", timeout], { input: "3600\n" });
  // Some of a flood is lost on the way through the TAP device.
  for (let round = 0; round < 50 && (await dropsInSlot(slot)) === before; round++) {
    await guest.probe.flood(scene.internet.address, 1000);
  }
  assert.notEqual(await dropsInSlot(slot), before);
  const { stdout } = await scene.network.run(["conntrack", "-C"]);
  // Those of the other tests are there, too.
  assert.ok(Number(stdout) < CONNECTION_LIMIT + 200, stdout);
  const attempt = guest.probe.reach("tcp", scene.internet.address, 80);
  assert.equal(await outcome(attempt, () => dropsInSlot(slot), await dropsInSlot(slot)), "dropped");

  const other = await scene.slots.acquire({ internet: true });
  await using neighbour = await WiredGuest.plugInto(other);
  assert.deepEqual(await neighbour.probe.reach("udp", scene.internet.address, 80), { seenAs: HOST_ON_INTERNET });
});

/** IPv6 is off in a slot: the kernel throws such packets away before any rule sees them. */
async function discardedIpv6(slot: Slot): Promise<number> {
  const file = `/proc/net/dev_snmp6/${TAP_NAME}`;
  const { stdout } = await runCommand(["nsenter", `--net=${slot.netns}`, "cat", file]);
  return Number(/^Ip6InDiscards\s+(\d+)$/m.exec(stdout)?.[1]);
}
