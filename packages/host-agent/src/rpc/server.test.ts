import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConnectError } from "@connectrpc/connect";
import { fromConnectError, RoostError } from "@roost/protocol/errors";
import { rpcRig, SANDBOX_ID } from "./testing/rpc-rig.ts";

const spec = { sandboxId: SANDBOX_ID, template: "minimal", vcpus: 1, memoryMb: 128, env: { A: "b" }, internet: true };

suite("Failures of the agent's own", () => {
  test("a RoostError comes to the caller with its code", async () => {
    await using rig = await rpcRig();
    rig.sandboxes.failure = new RoostError("no_capacity", "No room on this host.");
    const error = await rig.client.createSandbox(spec).catch((reason: unknown) => reason);
    assert.equal(fromConnectError(error, "internal").code, "no_capacity");
  });

  test("anything else is told by a number, and its details to the log alone", async () => {
    await using rig = await rpcRig();
    rig.sandboxes.failure = new Error("secret detail /etc/shadow");
    const error = await rig.client.createSandbox(spec).catch((reason: unknown) => ConnectError.from(reason));
    assert.ok(error instanceof ConnectError);
    assert.equal(fromConnectError(error, "host_failed").code, "internal");
    assert.doesNotMatch(error.message, /secret/);
    const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(error.message)?.[0] ?? "no id";
    const line = rig.log.find((candidate) => candidate.includes(id));
    assert.match(line ?? "", /secret detail/);
  });

  test("a port that is taken is told by the setting to change", async () => {
    await using rig = await rpcRig();
    const { startRpcServer } = await import("./server.ts");
    const { pino } = await import("pino");
    const second = startRpcServer({
      listen: { host: "127.0.0.1", port: rig.server.address.port },
      identity: rig.identity,
      sandboxes: rig.sandboxes,
      logger: pino({ enabled: false }),
    });
    await assert.rejects(second, /EADDRINUSE.*ROOST_AGENT_LISTEN/);
  });
});

suite("Stopping", () => {
  test("a call under way ends well, and new ones are refused", async () => {
    await using rig = await rpcRig();
    const begun = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    rig.sandboxes.onExec = async () => {
      begun.resolve();
      await finish.promise;
      return {
        stdout: Buffer.from("done"),
        stderr: Buffer.alloc(0),
        exitCode: 0,
        durationMs: 1,
        timedOut: false,
        truncated: false,
      };
    };
    const call = rig.client.exec({ sandboxId: SANDBOX_ID, cmd: "slow" });
    await begun.promise;
    const stopped = rig.server[Symbol.asyncDispose]();
    const late = rig.clientWith(await rig.authority.issue({ name: "CN=roost:control-plane", purpose: "clientAuth" }));
    await assert.rejects(late.listSandboxes({}), ConnectError);
    finish.resolve();
    assert.equal(Buffer.from((await call).stdout).toString(), "done");
    await stopped;
  });
});
