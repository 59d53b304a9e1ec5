/** What the host's own walls hold, whatever becomes of a slot's (N1). */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { runCommand } from "../commands/run.ts";
import { SLOT_TABLE, UPLINK_NAME } from "./slot-rules.ts";
import { GUEST_GATEWAY } from "./slots.ts";
import { dropsOnHost, outcome } from "./testing/drops.ts";
import { Neighbour } from "./testing/neighbour.ts";
import { Probe } from "./testing/probe.ts";
import { HOST_IN_LAN, HOST_ON_INTERNET, hostEnd, openScene } from "./testing/scene.ts";
import { WiredGuest } from "./testing/wired-guest.ts";

/** One for all tests; each has slots of its own. */
const scene = await openScene();
after(() => scene[Symbol.asyncDispose]());

test("N1: the host's own walls hold where a slot's have fallen", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  const other = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await runCommand(["nsenter", `--net=${slot.netns}`, "nft", "flush", "chain", "inet", SLOT_TABLE, "new_from_guest"]);
  const attempts = {
    "the LAN": scene.lan.address,
    "the host in the LAN": HOST_IN_LAN,
    "the host's public address": HOST_ON_INTERNET,
    "the host's end of the slot": hostEnd(slot),
    "another sandbox": other.address,
    metadata: "169.254.169.254",
  };
  const contacts = await scene.contacts();
  for (const [name, address] of Object.entries(attempts)) {
    const before = await dropsOnHost(scene.network, scene.mark);
    const attempt = guest.probe.reach("tcp", address, 80);
    assert.equal(await outcome(attempt, () => dropsOnHost(scene.network, scene.mark), before), "dropped", name);
    assert.equal(await scene.contacts(), contacts, name);
  }
});

test("N1: even root in a slot's namespace bears no other address, and speaks no IPv6", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  const other = await scene.slots.acquire({ internet: true });
  const inSlot = ["nsenter", `--net=${slot.netns}`] as const;
  await runCommand([...inSlot, "nft", "flush", "ruleset"]);
  await runCommand([...inSlot, "tee", `/proc/sys/net/ipv6/conf/${UPLINK_NAME}/disable_ipv6`], { input: "0\n" });
  const { stdout } = await scene.network.run(["ip", "-json", "link", "show", "dev", slot.name]);
  const [{ address: hostHardware }]: [{ address: string }] = JSON.parse(stdout);
  await runCommand(["ip", "-netns", slot.name, "-batch", "-"], {
    input: `address add ${other.address} dev ${UPLINK_NAME}
address add 45.113.7.9 dev ${UPLINK_NAME}
address add fd00:213::2/64 dev ${UPLINK_NAME} nodad
neighbour add fd00:213::1 lladdr ${hostHardware} nud permanent dev ${UPLINK_NAME}
route add default via fd00:213::1 dev ${UPLINK_NAME}
`,
  });
  await using intruder = new Probe(slot.netns);
  const attempts = {
    "another slot's address": [scene.internet.address, other.address],
    "a stranger's address": [scene.internet.address, "45.113.7.9"],
    "IPv6 to the internet": ["2001:4860:4860::8888", "fd00:213::2"],
    "IPv6 to the host": ["ff02::1", "fd00:213::2"],
  } as const;
  const contacts = await scene.contacts();
  for (const [name, [address, from]] of Object.entries(attempts)) {
    const before = await dropsOnHost(scene.network, scene.mark);
    const attempt = intruder.reach("udp", address, 80, { from });
    assert.equal(await outcome(attempt, () => dropsOnHost(scene.network, scene.mark), before), "dropped", name);
    assert.equal(await scene.contacts(), contacts, name);
  }
});

test("N1: another program's rule that leads a public address into the LAN leads no guest there", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  const rules = `table ip leads_astray {
  chain prerouting {
    type nat hook prerouting priority dstnat - 1; policy accept;
    ip daddr 45.113.9.9 dnat to ${scene.lan.address}
    ip daddr 45.113.9.10 dnat to ${HOST_IN_LAN}
  }
}`;
  await scene.network.run(["nft", "-f", "-"], { input: rules });
  const contacts = await scene.contacts();
  for (const address of ["45.113.9.9", "45.113.9.10"]) {
    const before = await dropsOnHost(scene.network, scene.mark);
    const attempt = guest.probe.reach("tcp", address, 80);
    assert.equal(await outcome(attempt, () => dropsOnHost(scene.network, scene.mark), before), "dropped", address);
    assert.equal(await scene.contacts(), contacts, address);
  }
  await scene.network.run(["nft", "delete", "table", "ip", "leads_astray"]);
});

test("N1: a host that serves DNS itself, for others, does not serve it to sandboxes while it has a resolver", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await scene.host.serve(hostEnd(slot), 53);
  assert.deepEqual(await guest.probe.reach("udp", GUEST_GATEWAY, 53), { seenAs: HOST_IN_LAN });
});

test("N1: only the host's root opens a connection into a slot", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await guest.probe.serve("0.0.0.0", 49983);
  const before = await dropsOnHost(scene.network, scene.mark);
  const attempt = scene.host.reach("tcp", slot.address, 49983, { uid: 65534 });
  assert.equal(await outcome(attempt, () => dropsOnHost(scene.network, scene.mark), before), "dropped");
});

test("the connections of a released slot are forgotten, so that no packet of theirs reaches the address's next bearer", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  const connections = async () =>
    (await scene.network.run(["conntrack", "-L"])).stdout.split("\n").filter((line) => line.includes(slot.address));
  {
    await using guest = await WiredGuest.plugInto(slot);
    await guest.probe.serve("0.0.0.0", 49983);
    await guest.probe.reach("udp", scene.internet.address, 80);
    await scene.host.reach("udp", slot.address, 49983);
  }
  assert.equal((await connections()).length, 2);
  await scene.slots.release(slot.index);
  assert.deepEqual(await connections(), []);
});

test("N1: from elsewhere nobody opens a connection into a slot", async () => {
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await guest.probe.serve("0.0.0.0", 49983);
  await using router = await Neighbour.join(scene.network, "45.113.8.2", "45.113.8.1");
  await router.routeThrough("45.113.8.1");
  const before = await dropsOnHost(scene.network, scene.mark);
  const attempt = router.probe.reach("tcp", slot.address, 49983);
  assert.equal(await outcome(attempt, () => dropsOnHost(scene.network, scene.mark), before), "dropped");
});
