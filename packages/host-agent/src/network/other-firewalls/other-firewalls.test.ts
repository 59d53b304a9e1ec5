/** Sandboxes have internet beside firewalls that drop what is forwarded, and leave their rules as they were (N2). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandError, type CommandRunner, runCommand } from "../../commands/run.ts";
import { teardownNetwork } from "../network.ts";
import type { OwnNetwork } from "../testing/own-network.ts";
import { HOST_ON_INTERNET, openScene } from "../testing/scene.ts";
import { WiredGuest } from "../testing/wired-guest.ts";
import { FIREWALLD_TABLE, Firewalld } from "./firewalld.ts";

/** As Docker leaves them; one line is one call. */
const DOCKER = `-P FORWARD DROP
-N DOCKER-USER
-N DOCKER
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER-USER -j RETURN`;

/** As ufw leaves them. */
const UFW = `-P INPUT DROP
-P FORWARD DROP
-N ufw-before-forward
-N ufw-after-forward
-A FORWARD -j ufw-before-forward
-A FORWARD -j ufw-after-forward
-A ufw-before-forward -d 239.255.255.250 -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -d 192.168.213.1 -j ACCEPT
-A INPUT -d 45.113.7.1 -j ACCEPT`;

const REJECT_AT_THE_END = `-A FORWARD -i docker0 -j ACCEPT
-A FORWARD -j REJECT`;

const OWN_NFTABLES = `table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
  }
}`;

const OWN_NFTABLES_REJECT = `table ip home {
  chain pass {
    type filter hook forward priority 10;
    iifname "docker0" accept
    counter reject
  }
}`;

interface Firewall {
  readonly needs: string;
  readonly raise: (network: OwnNetwork) => Promise<void>;
}

const iptables = (program: string, calls: string): Firewall => ({
  needs: program,
  raise: async (network) => {
    for (const call of calls.split("\n")) await network.run([program, ...call.split(" ")]);
  },
});
const nftables = (rules: string): Firewall => ({
  needs: "nft",
  raise: async (network) => {
    await network.run(["nft", "-f", "-"], { input: rules });
  },
});

const FIREWALLS: Record<string, Firewall> = {
  "Docker's rules in iptables-nft": iptables("iptables-nft", DOCKER),
  "Docker's rules in iptables-legacy": iptables("iptables-legacy", DOCKER),
  "ufw's rules": iptables("iptables-nft", UFW),
  "a REJECT at the end of FORWARD": iptables("iptables-nft", REJECT_AT_THE_END),
  "an nftables.conf with policy drop": nftables(OWN_NFTABLES),
  "an nftables.conf that rejects at the end": nftables(OWN_NFTABLES_REJECT),
};

/** All rules of all firewalls, without their counts. */
async function rules(network: OwnNetwork): Promise<string> {
  const nft = (await network.run(["nft", "-s", "list", "ruleset"])).stdout;
  const tables = (await network.run(["cat", "/proc/net/ip_tables_names"]).catch(() => ({ stdout: "" }))).stdout;
  return tables.includes("filter") ? nft + (await network.run(["iptables-legacy", "-S"])).stdout : nft;
}

async function isMissing(program: string): Promise<boolean> {
  const error: unknown = await runCommand([program, "--version"]).catch((reason: unknown) => reason);
  return error instanceof CommandError && error.missing;
}

for (const [name, { needs, raise }] of Object.entries(FIREWALLS)) {
  test(`N2: a sandbox has internet beside ${name}, which are as before afterwards`, async (t) => {
    if (await isMissing(needs)) return t.skip(`${needs} is not installed`);
    let before = "";
    await using scene = await openScene(async (network) => {
      await raise(network);
      before = await rules(network);
    });
    const slot = await scene.slots.acquire({ internet: true });
    await using guest = await WiredGuest.plugInto(slot);
    assert.deepEqual(await guest.probe.reach("tcp", scene.internet.address, 80), { seenAs: HOST_ON_INTERNET });

    const admitted = await rules(scene.network);
    await scene.hostNetwork.check();
    assert.equal(await rules(scene.network), admitted, "a second look adds no second rule");

    await scene.slots[Symbol.asyncDispose]();
    await teardownNetwork(scene.mark, { run: scene.network.run });
    assert.equal(await rules(scene.network), before);
  });
}

test("N2: a firewall that comes up while sandboxes run is passed at the next look", async () => {
  await using scene = await openScene();
  const slot = await scene.slots.acquire({ internet: true });
  await using guest = await WiredGuest.plugInto(slot);
  await nftables(OWN_NFTABLES).raise(scene.network);
  await scene.hostNetwork.check();
  assert.deepEqual(await guest.probe.reach("tcp", scene.internet.address, 80), { seenAs: HOST_ON_INTERNET });
});

// "rules" is a keyword of newer nfts, and in the kernel a name like any other.
test("a firewall that lets everything pass, or whose rules end in conditions, is left alone", async () => {
  const harmless = `table inet rules {
  chain forward {
    type filter hook forward priority filter; policy accept;
    ip daddr 203.0.113.7 drop
  }
}`;
  await using scene = await openScene(nftables(harmless).raise);
  const { stdout } = await scene.network.run(["nft", "-s", "list", "ruleset", "inet"]);
  assert.doesNotMatch(stdout, /comment "Roost/);
  // Nor is a table taken for another Roost's, for which forwarding would stay on, because its name might be one's.
  await scene.slots[Symbol.asyncDispose]();
  await teardownNetwork(scene.mark, { run: scene.network.run });
  assert.equal((await scene.network.run(["cat", "/proc/sys/net/ipv4/ip_forward"])).stdout, "0\n");
});

// firewalld itself needs a system bus, which no test's namespace has: what it is asked for is told by hand.
test("firewalld is asked to trust the slots' range once, at run time only, and to forget it again", async () => {
  const sources = new Set<string>();
  const run: CommandRunner = async ([program, zone, action = ""]) => {
    assert.deepEqual([program, zone], ["firewall-cmd", "--zone=trusted"]);
    const [verb = "", source = ""] = action.split("=");
    if (verb === "--add-source") sources.add(source);
    if (verb === "--remove-source") sources.delete(source);
    if (verb === "--query-source" && !sources.has(source)) throw new CommandError(program, "no", { status: 1 });
    return { stdout: "", stderr: "" };
  };
  const firewalld = new Firewalld(run);
  const chain = { family: "inet", table: FIREWALLD_TABLE, name: "filter_FORWARD", hook: "forward", policy: "accept" };
  const passage = { mark: "abcd", cidr: "10.213.0.0/16" };
  assert.equal(await firewalld.admit(passage, []), false, "it does not run");
  assert.equal(await firewalld.admit(passage, [chain]), true);
  assert.equal(await firewalld.admit(passage, [chain]), false);
  assert.deepEqual(sources, new Set(["10.213.0.0/16"]));
  await firewalld.withdraw(passage, [chain]);
  await firewalld.withdraw(passage, [chain]);
  assert.equal(sources.size, 0);
});
