import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { SandboxState } from "@roost/protocol/hostagent";
import { rpcRig, SANDBOX_ID } from "./testing/rpc-rig.ts";
import { says } from "./testing/says.ts";

const MiB = 1024 * 1024;
const spec = { sandboxId: SANDBOX_ID, template: "minimal", vcpus: 1, memoryMb: 128, env: { A: "b" }, internet: true };

suite("R6: the methods of a host agent", () => {
  test("create, list, destroy", async () => {
    await using rig = await rpcRig();
    const { sandbox } = await rig.client.createSandbox(spec);
    assert.equal(sandbox?.state, SandboxState.RUNNING);
    assert.equal(sandbox.createdAt?.seconds, 1767323045n);
    assert.equal(sandbox.startedAt, undefined);
    assert.equal((await rig.client.listSandboxes({})).sandboxes[0]?.guestIp, "10.213.0.1");
    await rig.client.destroySandbox({ sandboxId: SANDBOX_ID });
    assert.deepEqual((await rig.client.listSandboxes({})).sandboxes, []);
  });

  test("exec passes its request on whole, with what is not set as not set", async () => {
    await using rig = await rpcRig();
    const result = await rig.client.exec({ sandboxId: SANDBOX_ID, cmd: "echo", args: ["a", "b"] });
    assert.equal(Buffer.from(result.stdout).toString(), "echo a b");
    assert.equal(result.exitCode, 0);
    assert.deepEqual(rig.sandboxes.execs, [
      { cmd: "echo", args: ["a", "b"], env: {}, timeoutMs: 0, outputLimitBytes: 64 * MiB },
    ]);
  });

  test("an exec that timed out has no exit code", async () => {
    await using rig = await rpcRig();
    rig.sandboxes.onExec = async () => ({
      stdout: Buffer.from("so far"),
      stderr: Buffer.alloc(0),
      exitCode: null,
      durationMs: 5,
      timedOut: true,
      truncated: false,
    });
    const result = await rig.client.exec({ sandboxId: SANDBOX_ID, cmd: "sleep" });
    assert.equal(result.exitCode, undefined);
    assert.equal(result.timedOut, true);
  });

  for (const how of ["deadline", "departure"] as const) {
    test(`the caller's ${how} reaches the command`, async () => {
      await using rig = await rpcRig();
      const aborted = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      rig.sandboxes.onExec = (_request, signal) =>
        new Promise((_resolve, reject) => {
          begun.resolve();
          signal.addEventListener("abort", () => {
            aborted.resolve();
            reject(new Error("the command was killed"));
          });
        });
      const caller = new AbortController();
      const options = how === "deadline" ? { timeoutMs: 200 } : { signal: caller.signal };
      const call = rig.client.exec({ sandboxId: SANDBOX_ID, cmd: "sleep" }, options);
      const refused = assert.rejects(call, says(how === "deadline" ? Code.DeadlineExceeded : Code.Canceled));
      await begun.promise;
      if (how === "departure") caller.abort();
      await aborted.promise;
      await refused;
      await rig.client.listSandboxes({});
      assert.doesNotMatch(rig.log.join(""), /unexpectedly/);
    });
  }
});
