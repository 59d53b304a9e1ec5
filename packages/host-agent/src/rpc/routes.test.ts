import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { Leave, ResumeMode, SandboxState } from "@roost/protocol/hostagent";
import { rpcRig, SANDBOX_ID } from "./testing/rpc-rig.ts";
import { says } from "./testing/says.ts";

const SNAPSHOT_ID = "tpl-abcdefghijklmnopqrst";
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

  test("S1, S2, S9: pause, resume in either mode, ping", async () => {
    await using rig = await rpcRig();
    await rig.client.createSandbox(spec);
    const { sandbox: paused } = await rig.client.pauseSandbox({ sandboxId: SANDBOX_ID });
    assert.equal(paused?.state, SandboxState.PAUSED);
    await rig.client.resumeSandbox({ sandboxId: SANDBOX_ID });
    const { sandbox: resumed } = await rig.client.resumeSandbox({ sandboxId: SANDBOX_ID, mode: ResumeMode.DISK });
    assert.equal(resumed?.state, SandboxState.RUNNING);
    assert.deepEqual(rig.sandboxes.resumes, ["memory", "disk"]);
    await rig.client.pingSandbox({ sandboxId: SANDBOX_ID });
    assert.equal((await rig.client.listSandboxes({})).sandboxes[0]?.lastActiveAt?.seconds, 1767323100n);
  });

  test("S4: snapshots are made, listed and deleted; what is left of the sandbox is as asked", async () => {
    await using rig = await rpcRig();
    await rig.client.createSandbox(spec);
    const wanted = { sandboxId: SANDBOX_ID, snapshotId: SNAPSHOT_ID };
    const made = await rig.client.createSnapshot({ ...wanted, leave: Leave.PAUSED });
    assert.equal(made.sandbox?.state, SandboxState.PAUSED);
    assert.deepEqual([made.snapshot?.snapshotId, made.snapshot?.sizeBytes], [SNAPSHOT_ID, 4096n]);
    assert.equal((await rig.client.createSnapshot(wanted)).sandbox?.state, SandboxState.PAUSED);
    assert.equal((await rig.client.listSnapshots({})).snapshots.length, 1);
    await rig.client.deleteSnapshot({ snapshotId: SNAPSHOT_ID });
    assert.deepEqual((await rig.client.listSnapshots({})).snapshots, []);
  });

  test("a create from a snapshot, and its time-out, are passed on; an id that is none is refused", async () => {
    await using rig = await rpcRig();
    await rig.client.createSandbox({ ...spec, snapshotId: SNAPSHOT_ID, timeoutSec: 60 });
    assert.deepEqual(
      rig.sandboxes.specs.map(({ snapshotId, timeoutSec }) => [snapshotId, timeoutSec]),
      [[SNAPSHOT_ID, 60]],
    );
    const refused = rig.client.createSandbox({ ...spec, snapshotId: "../etc" });
    await assert.rejects(refused, says(Code.InvalidArgument));
    await assert.rejects(rig.client.deleteSnapshot({ snapshotId: "" }), says(Code.InvalidArgument));
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
