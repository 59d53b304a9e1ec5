/** Stories of an installation: two on one machine, what is left of one after `down`, and who may do what. */
import assert from "node:assert/strict";
import { readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { startInstance } from "@roost/launcher/instance";
import { Roost } from "@roost/sdk";
import { machineState } from "../machine-state/machine-state.ts";
import { keeperOf } from "./keeper-of.ts";
import { roostForTests } from "./roost-for-tests.ts";

describe("an installation", () => {
  const its = roostForTests();

  test("two on one machine do not touch each other, and `down` of one leaves nothing of it (U2)", async () => {
    await using other = await startInstance();
    assert.notEqual(other.mark, its.instance.mark);
    await using kept = await its.roost.sandboxes.create({ memoryMb: 128 });
    await new Roost(other).sandboxes.create({ memoryMb: 128 });

    await other.down();
    assert.deepEqual(await machineState({ mark: other.mark, folders: [other.runFolder] }), []);
    assert.equal((await kept.exec("echo", ["untouched"])).stdout, "untouched\n");
  });

  test("credentials are for their owner's eyes only, and a wrong key opens nothing (A3)", async () => {
    const { mode } = await stat(join(its.instance.home, "credentials.json"));
    assert.equal(mode & 0o777, 0o600);
    await assert.rejects(new Roost({ url: its.instance.url, apiKey: "rst_wrong" }).sandboxes.create(), { status: 401 });
  });

  test("the VMM is nobody: own user, no capability, seccomp, own namespaces, its cgroup (N3)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 128 });
    const { vmm, keeper } = await keeperOf(its.instance, sandbox.id);
    const status = await readFile(`/proc/${vmm}/status`, "utf8");
    const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(status)?.[1] ?? "missing";
    const uids = field("Uid").split(/\s+/);
    assert(uids.every((uid) => uid === uids[0] && Number(uid) >= its.instance.uidBase));
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) assert.equal(field(set), "0".repeat(16), set);
    assert.equal(field("NoNewPrivs"), "1");
    assert.equal(field("Seccomp"), "2");
    assert.equal(field("Groups").trim(), "");
    for (const kind of ["mnt", "net", "pid", "ipc", "uts"]) {
      assert.notEqual(await readlink(`/proc/${vmm}/ns/${kind}`), await readlink(`/proc/self/ns/${kind}`), kind);
    }
    const cgroup = await readFile(`/proc/${vmm}/cgroup`, "utf8");
    assert(cgroup.includes(`/r${its.instance.mark}-${sandbox.id}`));
    assert.equal(cgroup, await readFile(`/proc/${keeper}/cgroup`, "utf8"));
  });

  test("its host is online, and a one-time token is used up by a whole registration only (H1)", async () => {
    const session = new Roost({ url: its.instance.url, token: await its.instance.adminToken() });
    const [host] = await Array.fromAsync(session.hosts.list());
    assert.equal(host?.status, "online");
    const pending = await session.hosts.create({ type: "regular" });
    const register = (token: string): Promise<Response> =>
      fetch(`${its.instance.url}/v1/hosts/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token }),
      });
    assert.equal((await register("wrong")).status, 401);
    // Without the machine's facts it is refused, and the token is still good.
    assert.equal((await register(pending.registrationToken)).status, 400);
    assert.equal((await session.hosts.get(pending.host.id)).status, "pending");
  });
});
