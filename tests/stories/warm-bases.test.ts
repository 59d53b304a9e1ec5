/** Stories of sandboxes that are made from a warm base: nobody can tell, except by the time it takes. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Instance, startInstance } from "@roost/launcher/instance";
import { Roost, type Sandbox } from "@roost/sdk";
import { until } from "./until.ts";

/** What no two sandboxes have in common, one a line. */
const IDENTITY = `
hostname
cat /etc/machine-id
cat /proc/sys/kernel/random/boot_id
head -c 16 /dev/urandom | od -An -tx1
python3 -c 'import uuid; print(uuid.uuid4())'
cat /etc/ssh/ssh_host_*_key.pub 2>/dev/null || echo "no key of $(hostname)"
`;

describe("a base image that was used before", () => {
  let instance: Instance;
  let roost: Roost;

  before(async () => {
    instance = await startInstance({ environment: { ROOST_WARM_BASES: "auto" } });
    roost = new Roost(instance);
  });

  after(async () => {
    await instance?.[Symbol.asyncDispose]();
  });

  const sh = async (sandbox: Sandbox, script: string): Promise<string> =>
    (await sandbox.exec("sh", ["-c", script])).stdout;
  const originOf = async ({ id }: Sandbox): Promise<unknown> => {
    const lines = (await instance.logs()).split("\n").filter((line) => line.includes(id) && line.includes('"made"'));
    return JSON.parse(lines.at(-1) ?? "{}").origin;
  };
  const warmBases = (): Promise<string[]> =>
    readdir(join(instance.dataFolder, "warm-bases", "minimal")).catch(() => [] as string[]);
  const warmed = (): Promise<true> =>
    until("there is a warm base", async () =>
      (await warmBases()).some((name) => !name.endsWith(".new")) ? true : undefined,
    );

  test("is booted once for each shape; what is made after that wakes, and is somebody of its own (S4, S5)", async () => {
    await using first = await roost.sandboxes.create({ memoryMb: 128 });
    assert.equal(await originOf(first), "boot");
    await warmed();
    await using one = await roost.sandboxes.create({ memoryMb: 128, env: { WHO: "one" } });
    await using other = await roost.sandboxes.create({ memoryMb: 128, env: { WHO: "other" }, internet: false });
    assert.deepEqual(await Promise.all([one, other].map(originOf)), ["warm base", "warm base"]);
    const sandboxes = [first, one, other];
    const identities = (await Promise.all(sandboxes.map((sandbox) => sh(sandbox, IDENTITY)))).map((text) =>
      text.trim().split("\n"),
    );
    assert.deepEqual(
      identities.map(([hostname]) => hostname),
      sandboxes.map(({ id }) => id),
    );
    const all = identities.flat();
    assert(all.length >= 18);
    assert.equal(new Set(all).size, all.length, all.join("\n"));
    assert.equal(await sh(one, "echo $WHO; whoami; pwd; ls -A /tmp"), "one\nuser\n/home/user\n");
    assert.equal(await sh(other, "echo $WHO"), "other\n");
    assert.deepEqual(
      (await Array.fromAsync(roost.sandboxes.list(), ({ id }) => id)).sort(),
      sandboxes.map(({ id }) => id).sort(),
      "what warms is nobody's sandbox",
    );
  });

  test("what was made from it sleeps and wakes as itself, and never as the base (S1, S2, S10)", async () => {
    await warmed();
    await using sandbox = await roost.sandboxes.create({ memoryMb: 128 });
    assert.equal(await originOf(sandbox), "warm base");
    const who = "hostname; cat /etc/machine-id; cat /home/user/kept";
    await sh(sandbox, "echo kept > /home/user/kept; sync");
    const before = await sh(sandbox, who);
    await until("its machine has ended", async () => {
      await sandbox.exec("sh", ["-c", "kill -TERM 1"], { user: "root" }).catch(() => {});
      return (await sandbox.refresh()).status === "error" ? true : undefined;
    });
    await assert.rejects(sandbox.resume(), { code: "not_paused" });
    await sandbox.resume({ mode: "disk" });
    assert.equal(await sh(sandbox, who), before);
    await sandbox.pause();
    await sandbox.resume();
    assert.equal(await sh(sandbox, who), before);
  });
});
