/** Stories of several sandboxes, of limits, and of what is refused. */
import assert from "node:assert/strict";
import { totalmem } from "node:os";
import { describe, test } from "node:test";
import type { Sandbox } from "@roost/sdk";
import { roostForTests } from "./roost-for-tests.ts";

describe("many sandboxes", () => {
  const its = roostForTests();

  /** Without the spare slots that the agent keeps ready, which come and go in the background. */
  const sandboxTraces = (): Promise<string[]> =>
    its.traces(undefined, [its.instance.runFolder, its.instance.dataFolder]);

  test("eight of 128 MB, created at once, all work, are apart, and leave nothing when destroyed (R1)", async () => {
    const sandboxes = await Promise.all(Array.from({ length: 8 }, () => its.roost.sandboxes.create({ memoryMb: 128 })));
    await Promise.all(sandboxes.map((sandbox) => sandbox.files.write("/tmp/me", sandbox.id)));
    const contents = await Promise.all(sandboxes.map((sandbox) => sandbox.files.readText("/tmp/me")));
    assert.deepEqual(
      contents,
      sandboxes.map(({ id }) => id),
    );
    const identity = async (sandbox: Sandbox): Promise<string> =>
      (await sandbox.exec("cat", ["/etc/machine-id", "/proc/sys/kernel/random/boot_id"])).stdout;
    assert.equal(new Set(await Promise.all(sandboxes.map(identity))).size, 8);
    assert.equal(new Set(sandboxes.map(({ guestIp }) => guestIp)).size, 8);
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    assert.deepEqual(await sandboxTraces(), []);
  });

  test("one beyond the machine's memory is refused as no_capacity, and leaves nothing", async () => {
    const memoryMb = Math.floor(totalmem() / 1024 / 1024);
    await assert.rejects(its.roost.sandboxes.create({ memoryMb }), { code: "no_capacity", status: 503 });
    assert.deepEqual(await sandboxTraces(), []);
  });

  test("the same create asked twice with one Idempotency-Key makes one sandbox (R1)", async () => {
    const wanted = { memoryMb: 128, metadata: { story: "once" } };
    const create = (): Promise<Sandbox> => its.roost.sandboxes.create(wanted, { idempotencyKey: "once" });
    await using first = await create();
    assert.equal((await create()).id, first.id);
    const other = its.roost.sandboxes.create({ memoryMb: 256 }, { idempotencyKey: "once" });
    await assert.rejects(other, { code: "conflict", status: 409 });
    const found = await Array.fromAsync(its.roost.sandboxes.list({ metadata: { story: "once" } }));
    assert.deepEqual(
      found.map(({ id }) => id),
      [first.id],
    );
  });

  test("destroying one that is being created ends it, and leaves nothing", async () => {
    const creating = its.roost.sandboxes.create({ memoryMb: 128, metadata: { story: "cut short" } });
    const outcome = creating.then(
      () => "created",
      (error: { code?: string }) => error.code,
    );
    let starting: Sandbox | undefined;
    while (!starting) {
      for await (const sandbox of its.roost.sandboxes.list({ metadata: { story: "cut short" } })) starting = sandbox;
    }
    await starting.destroy();
    assert.notEqual(await outcome, "created");
    assert.equal((await starting.refresh()).status, "stopped");
    assert.deepEqual(await sandboxTraces(), []);
  });

  for (const [what, wanted, code] of [
    ["an unknown template", { template: "no-such-image" }, "not_found"],
    ["a template that is a path", { template: "../../etc" }, "invalid_request"],
    ["no vCPU", { vcpus: 0 }, "invalid_request"],
    ["half a vCPU", { vcpus: 0.5 }, "invalid_request"],
    ["too many vCPUs", { vcpus: 33 }, "invalid_request"],
    ["too little memory", { memoryMb: 1 }, "invalid_request"],
    ["an environment with NUL", { env: { A: "\0" } }, "invalid_request"],
    ["a variable that is no name", { env: { "A=B": "x" } }, "invalid_request"],
  ] as const) {
    test(`${what} is refused as ${code}, and leaves nothing`, async () => {
      await assert.rejects(its.roost.sandboxes.create(wanted), { code });
      assert.deepEqual(await sandboxTraces(), []);
    });
  }

  for (const [what, body, headers, status] of [
    ["a body that is no JSON", "{", {}, 400],
    ["a body of 2 MiB", JSON.stringify({ template: "x".repeat(2 << 20) }), {}, 413],
    ["a wrong key", "{}", { "x-api-key": `rst_${"0".repeat(64)}` }, 401],
    ["a key that is none", "{}", { "x-api-key": "secret" }, 401],
  ] as const) {
    test(`${what} gets ${status} and the documented form of an error`, async () => {
      const response = await fetch(`${its.instance.url}/v1/sandboxes`, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", "x-api-key": its.instance.apiKey, ...headers },
      });
      assert.equal(response.status, status);
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      assert.match(error.code, /^[a-z_]+$/);
      assert(error.message.length > 10);
    });
  }

  test("without internet a sandbox still runs commands, and has no way out (N1)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 128, internet: false });
    assert.equal((await sandbox.exec("echo", ["here"])).stdout, "here\n");
    const script = "import socket; socket.setdefaulttimeout(3); socket.getaddrinfo('example.com', 80)";
    assert.notEqual((await sandbox.exec("python3", ["-c", script], { timeoutSec: 60 })).exitCode, 0);
  });
});
