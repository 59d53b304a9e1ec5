/** What the host's side does when others change the same kernel. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "../commands/run.ts";
import { hasHostTable } from "./host-table.ts";
import { teardownNetwork } from "./network.ts";
import { listChains } from "./nft-listing.ts";
import { UPLINK_NAME } from "./slot-rules.ts";
import { GUEST_GATEWAY } from "./slots.ts";
import { dropsOnHost, outcome } from "./testing/drops.ts";
import { Neighbour } from "./testing/neighbour.ts";
import { Probe } from "./testing/probe.ts";
import { HOST_ON_INTERNET, hostEnd, openScene } from "./testing/scene.ts";
import { WiredGuest } from "./testing/wired-guest.ts";

test("after another firewall's reload has flushed all tables, walls and internet are back, and so is forwarding", async () => {
  await using scene = await openScene();
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await scene.network.run(["nft", "flush", "ruleset"]);
  await scene.network.run(["tee", "/proc/sys/net/ipv4/ip_forward"], { input: "0\n" });
  assert.equal(hasHostTable(scene.mark, await listChains(scene.network.run)), false);

  await scene.hostNetwork.check();
  assert.deepEqual(await guest.probe.reach("tcp", scene.internet.address, 80), { seenAs: HOST_ON_INTERNET });
  // What was found out before the flush is not forgotten with it.
  await scene.slots.release(slot.index);
  await teardownNetwork(scene.mark, { run: scene.network.run });
  assert.equal((await scene.network.run(["cat", "/proc/sys/net/ipv4/ip_forward"])).stdout, "0\n");
});

test("a look at a host where nothing has changed changes nothing", async () => {
  await using scene = await openScene();
  const before = await scene.network.state();
  await scene.hostNetwork.check();
  assert.deepEqual(await scene.network.state(), before);
});

test("a machine that moves to another network has its new resolvers in sandboxes, and keeps the old while it has none", async () => {
  await using scene = await openScene();
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await using resolver = await Neighbour.join(scene.network, "10.50.0.53", "10.50.0.1");
  await resolver.probe.serve(resolver.address, 53);
  const ask = () => guest.probe.reach("udp", GUEST_GATEWAY, 53);
  assert.deepEqual(await ask(), { seenAs: "192.168.213.1" });

  await scene.useResolvers([]);
  await scene.hostNetwork.check();
  assert.deepEqual(await ask(), { seenAs: "192.168.213.1" });

  await scene.useResolvers([resolver.address]);
  await scene.hostNetwork.check();
  assert.deepEqual(await ask(), { seenAs: "10.50.0.1" });
});

test("where the machine's only resolver listens on 127.0.0.1, sandboxes ask it, also those that run already", async () => {
  await using scene = await openScene();
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await scene.host.serve("127.0.0.1", 53);
  await scene.host.serve("127.0.0.1", 22);
  await scene.useResolvers(["127.0.0.1"]);
  await scene.hostNetwork.check();
  for (const protocol of ["udp", "tcp"] as const) {
    assert.deepEqual(await guest.probe.reach(protocol, GUEST_GATEWAY, 53), { seenAs: "127.0.0.1" });
  }

  // That way leads to the resolver and nowhere else, even for one who had broken out into the slot's namespace as root.
  const inSlot = ["nsenter", `--net=${slot.netns}`] as const;
  await runCommand([...inSlot, "nft", "flush", "ruleset"]);
  await runCommand(["ip", "-netns", slot.name, "-batch", "-"], {
    input: `route delete local 127.0.0.0/8 dev lo table local
route delete local 127.0.0.1 dev lo table local
route add 127.0.0.1 dev ${UPLINK_NAME} via ${hostEnd(slot)}
`,
  });
  await using intruder = new Probe(slot.netns);
  for (const port of [22, 53]) {
    const before = await dropsOnHost(scene.network, scene.mark);
    const attempt = intruder.reach("tcp", "127.0.0.1", port, { from: slot.address });
    assert.equal(await outcome(attempt, () => dropsOnHost(scene.network, scene.mark), before), "dropped");
  }
});

test("large transfers pass a link that is narrower than the guest's, both ways", async () => {
  await using scene = await openScene();
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await scene.internet.narrowHostEnd(scene.network, 1280);
  assert.equal(await guest.probe.echo(scene.internet.address, 80, 1_000_000), 1_000_000);
});

test("of several resolvers each is asked", async () => {
  await using scene = await openScene();
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await using resolver = await Neighbour.join(scene.network, "10.50.0.53", "10.50.0.1");
  await resolver.probe.serve(resolver.address, 53);
  await scene.useResolvers([scene.lan.address, resolver.address]);
  await scene.hostNetwork.check();
  const answers = new Set<string | undefined>();
  for (let question = 0; question < 4; question++) {
    answers.add((await guest.probe.reach("udp", GUEST_GATEWAY, 53)).seenAs);
  }
  assert.deepEqual(answers, new Set(["192.168.213.1", "10.50.0.1"]));
});
