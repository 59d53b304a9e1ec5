import assert from "node:assert/strict";
import { access } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { RoostError } from "@roost/protocol/errors";
import { pino } from "pino";
import { CommandError, type CommandRunner } from "../commands/run.ts";
import { listOwn, openSlots, type SlotsOptions, teardownNetwork } from "./network.ts";
import { TAP_MAC, TAP_NAME } from "./slots.ts";
import { kernelState } from "./testing/kernel-state.ts";
import { freshHost } from "./testing/marks.ts";
import { OwnNetwork } from "./testing/own-network.ts";

const logger = pino({ level: "silent" });

/** A host in a network of its own; all of it goes at the end. */
async function newHost(network: OwnNetwork) {
  const { mark, cidr } = freshHost();
  const open = (options: Partial<SlotsOptions> = {}) =>
    openSlots({ mark, cidr, logger, run: network.run, resolverFiles: [], ...options });
  return { mark, cidr, open, [Symbol.asyncDispose]: () => teardownNetwork(mark, { run: network.run }) };
}

test("N3: a slot is a namespace of its own with the TAP device that a restored guest expects", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  await using slots = await host.open();
  const slot = await slots.acquire({ internet: true });
  await access(slot.netns);
  const { stdout } = await network.run(["ip", "-netns", slot.name, "address", "show", "dev", TAP_NAME]);
  assert.match(stdout, new RegExp(`link/ether ${TAP_MAC}`));
  assert.match(stdout, /inet 169\.254\.0\.22\/30/);
  assert.doesNotMatch(stdout, /inet6/);
});

test("slots asked for at once are all different, and spare ones are made in their place", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  await using slots = await host.open({ spare: 2 });
  const acquired = await Promise.all(Array.from({ length: 8 }, () => slots.acquire({ internet: true })));
  assert.equal(new Set(acquired.map(({ index }) => index)).size, 8);
  assert.equal(new Set(acquired.map(({ address }) => address)).size, 8);
  assert.equal(slots.taken.size, 8);
});

test("a range that is used up is no_capacity, and a released slot serves again", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  await using slots = await host.open({ cidr: host.cidr.replace("/26", "/29"), spare: 2 });
  assert.equal(slots.capacity, 4);
  const acquired = await Promise.all(Array.from({ length: 4 }, () => slots.acquire({ internet: true })));
  await assert.rejects(slots.acquire({ internet: true }), (error) => {
    assert.ok(error instanceof RoostError && error.code === "no_capacity");
    assert.match(error.message, /ROOST_SLOT_CIDR/);
    return true;
  });
  const [first] = acquired;
  assert.ok(first);
  await slots.release(first.index);
  assert.equal((await slots.acquire({ internet: true })).index, first.index);
});

test("an address rests after its release as long as others are free", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  await using slots = await host.open({ spare: 0 });
  const used: number[] = [];
  for (let round = 0; round < 4; round++) {
    const { index } = await slots.acquire({ internet: true });
    used.push(index);
    await slots.release(index);
  }
  assert.deepEqual(used, [0, 1, 2, 3]);
});

test("a slot that is let go of is destroyed in the end, also when the kernel refuses at first, and who needs its place waits for it", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  let refusals = 1;
  const run: CommandRunner = (argv, options) =>
    argv.includes("delete") && refusals-- > 0
      ? Promise.reject(new CommandError("ip", "busy", { status: 2 }))
      : network.run(argv, options);
  await using slots = await host.open({ cidr: host.cidr.replace("/26", "/30"), spare: 0, run });
  assert.equal(slots.capacity, 2);
  const other = await slots.acquire({ internet: true });
  const { index } = await slots.acquire({ internet: true });
  slots.letGo(index);
  await slots.settled();
  assert.deepEqual(slots.taken, new Set([other.index, index]), "it could not be destroyed yet");
  while (slots.taken.has(index)) await pause(20);
  assert.ok(!(await listOwn(host.mark, network.run)).namespaces.has(index));
  await slots.acquire({ internet: true });
  slots.letGo(index);
  assert.equal((await slots.acquire({ internet: true })).index, index);
});

test("an acquire that is cancelled leaves nothing", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  const cancel = new AbortController();
  let watched = false;
  const run: CommandRunner = (argv, options) => {
    // In the middle: the namespace is there, the links are being made.
    if (watched && argv.includes("-batch")) cancel.abort(new Error("enough"));
    return network.run(argv, options);
  };
  await using slots = await host.open({ spare: 0, run });
  const before = await kernelState(network, [host.mark]);
  watched = true;
  await assert.rejects(slots.acquire({ internet: true }, cancel.signal), /enough/);
  assert.deepEqual(await kernelState(network, [host.mark]), before);
  assert.equal(slots.taken.size, 0);
});

test("an agent that starts anew finds its sandboxes' slots, keeps those it adopts, and makes no other in their place", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  const acquire = async () => {
    await using slots = await host.open({ spare: 1 });
    return [await slots.acquire({ internet: true }), await slots.acquire({ internet: true })] as const;
  };
  const [kept, stray] = await acquire();
  assert.deepEqual(
    (await listOwn(host.mark, network.run)).links,
    new Set([kept.index, stray.index]),
    "spares are gone",
  );

  await using slots = await host.open({ spare: 1 });
  assert.deepEqual(slots.found, new Set([kept.index, stray.index]));
  assert.deepEqual(await slots.adopt(kept.index), kept);
  assert.deepEqual(slots.taken, new Set([kept.index]));
  const fresh = await slots.acquire({ internet: true });
  assert.ok(![kept.index, stray.index].includes(fresh.index));
  for (const index of slots.found) await slots.release(index);
  assert.ok(!(await listOwn(host.mark, network.run)).namespaces.has(stray.index));
});

test("a slot that lost its TAP device, its link or its address is not adopted, and can be released", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  const breakages: ((name: string) => [string, ...string[]])[] = [
    (name) => ["ip", "-netns", name, "link", "delete", TAP_NAME],
    (name) => ["ip", "link", "delete", name],
    (name) => ["ip", "address", "flush", "dev", name],
    (name) => ["ip", "netns", "delete", name],
  ];
  for (const breakage of breakages) {
    await using slots = await host.open({ spare: 0 });
    const slot = await slots.acquire({ internet: true });
    await network.run(breakage(slot.name));
    await assert.rejects(slots.adopt(slot.index), { code: "internal" });
    await slots.release(slot.index);
    await slots.release(slot.index);
    const { links, namespaces } = await listOwn(host.mark, network.run);
    assert.equal(links.size + namespaces.size, 0, breakage(slot.name).join(" "));
  }
});

test("two Roosts on one machine do not touch each other, and the last one gives IPv4 forwarding back", async () => {
  await using network = await OwnNetwork.make();
  await using first = await newHost(network);
  await using second = await newHost(network);
  const forwarding = async () => (await network.run(["cat", "/proc/sys/net/ipv4/ip_forward"])).stdout.trim();
  const untouched = await kernelState(network, [first.mark, second.mark]);
  assert.equal(await forwarding(), "0");

  await using slots = await first.open({ spare: 0 });
  const alone = await kernelState(network, [first.mark, second.mark]);
  const others = await second.open({ spare: 1 });
  await others.acquire({ internet: true });
  await others[Symbol.asyncDispose]();
  await teardownNetwork(second.mark, { run: network.run });
  assert.deepEqual(await kernelState(network, [first.mark, second.mark]), alone);

  // Now the one that switched forwarding on goes first.
  const slot = await slots.acquire({ internet: true });
  await using late = await second.open({ spare: 0 });
  const kept = await late.acquire({ internet: true });
  await slots.release(slot.index);
  await slots[Symbol.asyncDispose]();
  await teardownNetwork(first.mark, { run: network.run });
  assert.equal(await forwarding(), "1", "the other one still needs it");
  assert.deepEqual((await listOwn(second.mark, network.run)).links, new Set([kept.index]));
  await late.release(kept.index);
  await teardownNetwork(second.mark, { run: network.run });
  assert.deepEqual(await kernelState(network, [first.mark, second.mark]), untouched);
});

test("IPv4 forwarding that was on before Roost stays on after it", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  await network.run(["tee", "/proc/sys/net/ipv4/ip_forward"], { input: "1\n" });
  const before = await kernelState(network, [host.mark]);
  await using slots = await host.open({ spare: 1 });
  await slots[Symbol.asyncDispose]();
  await teardownNetwork(host.mark, { run: network.run });
  assert.deepEqual(await kernelState(network, [host.mark]), before);
});

test("a range that the machine uses is refused in words that name the setting, and one's own slots do not count", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  await network.run(["ip", "link", "add", "lan", "type", "veth", "peer", "name", "switch"]);
  await network.run(["ip", "link", "set", "lan", "up"]);
  await network.run(["ip", "address", "add", "10.213.4.1/24", "dev", "lan"]);
  for (const cidr of ["10.213.0.0/16", "10.213.4.128/26"]) {
    await assert.rejects(host.open({ cidr }), (error) => {
      assert.ok(error instanceof RoostError && error.code === "conflict");
      assert.match(error.message, /10\.213\.4\.0\/24 on lan.*ROOST_SLOT_CIDR/);
      return true;
    });
  }
  const first = await host.open({ cidr: "10.213.5.0/26" });
  await first.acquire({ internet: true });
  await first[Symbol.asyncDispose]();
  await using again = await host.open({ cidr: "10.213.5.0/26" });
  assert.equal(again.found.size, 1);
});

test("a machine without ip or nft says which package to install", async () => {
  await using network = await OwnNetwork.make();
  await using host = await newHost(network);
  for (const [program, hint] of [
    ["nft", /nftables/],
    ["ip", /iproute2/],
  ] as const) {
    const run: CommandRunner = async (argv, options) => {
      if (argv[0] === program) throw new CommandError(program, "is not installed", { status: null, missing: true });
      return network.run(argv, options);
    };
    await assert.rejects(host.open({ run }), (error) => {
      assert.ok(error instanceof RoostError);
      assert.match(error.message, hint);
      return true;
    });
  }
});
