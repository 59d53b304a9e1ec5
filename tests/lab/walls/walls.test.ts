/** From root inside a real sandbox on a real host: what is reached and what is not (N1, N2), tried. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import type { Lab } from "@roost/launcher/lab";
import type { LabHost } from "@roost/launcher/lab-host";
import type { Roost, Sandbox } from "@roost/sdk";
import { openLab } from "../open-lab.ts";
import { roostOn, roostThere } from "../roost-on.ts";
import { ALLOWED, forbidden, type Targets } from "./attempts.ts";
import { type HostNetwork, NEIGHBOURS, networkOf } from "./other-programs.ts";
import { cameToNothing, table, tryWalls } from "./try-walls.ts";

/** On all addresses of the host, as any service of a home server. */
const HOST_PORT = 8080;
const MEMORY_MB = 128;

describe("a sandbox's walls", () => {
  const stack = new AsyncDisposableStack();
  let lab: Lab;

  before(async () => {
    lab = stack.use(await openLab());
    await lab.surroundings.run("nft", COUNTING);
  });

  after(() => stack.disposeAsync());

  test("N1: its root gets DNS and the internet, and out of nothing else; after down the host's network is bare again", async (t) => {
    await using host = await lab.hostWithRoost();
    await serve(host);
    await tryEverything(t, host);
    await host.roost("down");
    assert.deepEqual(await networkOf(host), BARE(host));
  });

  async function tryEverything(t: TestContext, host: LabHost): Promise<void> {
    await using roost = await roostThere(host);
    await using sandbox = await roost.client.sandboxes.create({ memoryMb: MEMORY_MB });
    await using other = await roost.client.sandboxes.create({ memoryMb: MEMORY_MB });

    const allowed = await tryWalls(sandbox, ALLOWED);
    t.diagnostic(table("allowed", allowed));
    for (const tried of allowed) assert(!cameToNothing(tried), `${tried.name}: ${tried.result}`);
    assert.match(allowed[1]?.result ?? "", /"from":"192\.168\.77\.1"/);

    for (const address of [host.address.v4, `[${host.address.v6}]`]) {
      // Whoever is in the LAN does reach what the sandbox is to be kept from.
      await lab.surroundings.run("curl", "--silent", "--fail", `http://${address}:${HOST_PORT}/sources.list`);
    }
    const seen = lab.surroundings.contacts.length;
    const tried = await tryWalls(sandbox, forbidden(await targets(host, sandbox, other)));
    t.diagnostic(table("forbidden", tried));
    assert.deepEqual(
      tried.filter((one) => !cameToNothing(one)),
      [],
    );
    assert.deepEqual(lab.surroundings.contacts.slice(seen), []);
    assert.match(await lab.surroundings.run("nft", "list", "counter", "inet", "walls", "strange"), /packets 0 /);
    const router = await host.run(["ip", "neighbour", "show", "192.168.77.254"]);
    assert(!router.stdout.includes("02:fc:"), router.stdout);

    for (const one of await tryWalls(other, ALLOWED)) assert(!cameToNothing(one), `the other sandbox, ${one.name}`);
    await withoutInternet(t, roost.client);
  }

  for (const { name, start } of NEIGHBOURS) {
    test(`N2: beside ${name} it has its internet and its walls, and ${name}'s rules are as they were after down`, async (t) => {
      await using host = await lab.hostWithRoost();
      await host.roost("down");
      await serve(host);
      await start(host);
      const before = await networkOf(host);
      assert.match(before.rules, /policy drop|reject/, `${name} closes forwarding`);
      await tryBeside(t, host, name);
      await host.roost("down");
      assert.deepEqual(await networkOf(host), before);
    });
  }

  async function tryBeside(t: TestContext, host: LabHost, name: string): Promise<void> {
    await using roost = await roostOn(host);
    await using sandbox = await roost.client.sandboxes.create({ memoryMb: MEMORY_MB });
    const allowed = await tryWalls(sandbox, ALLOWED);
    const closed = await tryWalls(sandbox, CLOSED_BESIDE_OTHERS(await targets(host, sandbox, sandbox)));
    t.diagnostic(table(`beside ${name}`, [...allowed, ...closed]));
    for (const one of allowed) assert(!cameToNothing(one), `${one.name}: ${one.result}`);
    for (const one of closed) assert(cameToNothing(one), `${one.name}: ${one.result}`);
  }

  async function withoutInternet(t: TestContext, client: Roost): Promise<void> {
    await using sandbox = await client.sandboxes.create({ memoryMb: MEMORY_MB, internet: false });
    const tried = await tryWalls(sandbox, ALLOWED);
    t.diagnostic(table("internet: false", tried));
    for (const one of tried) assert(cameToNothing(one), `${one.name}: ${one.result}`);
  }

  async function serve(host: LabHost): Promise<void> {
    await host.run(["busybox", "httpd", "-p", `[::]:${HOST_PORT}`, "-h", "/etc/apt"]);
  }

  async function targets(host: LabHost, sandbox: Sandbox, other: Sandbox): Promise<Targets> {
    const [slot, neighbour] = [sandbox.guestIp ?? "", other.guestIp ?? ""];
    const { stdout } = await host.run(["ip", "-json", "route", "get", slot]);
    const [{ prefsrc: hostEnd }] = JSON.parse(stdout) as [{ prefsrc: string }];
    return { host: host.address, hostPort: HOST_PORT, hostEnd, slot, neighbour };
  }
});

/** What a host has on which nobody has a firewall and nothing forwards. */
function BARE({ address }: LabHost): HostNetwork {
  return {
    rules: "",
    forwarding: "0\n",
    links: { lo: ["127.0.0.1/8", "::1/128"], eth0: [`${address.v4}/24`, `${address.v6}/64`] },
  };
}

/** Of all that is tried, what another program's rules could open. */
function CLOSED_BESIDE_OTHERS(all: Targets) {
  const kept = /^a host's service|^a LAN neighbour$|^the metadata address$|^Docker's network$|^the router$/;
  return forbidden(all).filter(({ name }) => kept.test(name));
}

/** Packets that nobody in the LAN or on the internet may ever see. */
const COUNTING = `table inet walls {
  counter strange { }
  chain arriving {
    type filter hook prerouting priority raw; policy accept;
    meta l4proto { 41, 47 } counter name strange
    ip saddr { 45.113.9.9, 10.0.0.0/8, 169.254.0.0/30 } counter name strange
  }
}`;
