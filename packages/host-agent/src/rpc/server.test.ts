import assert from "node:assert/strict";
import { once } from "node:events";
import { suite, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { Code, ConnectError } from "@connectrpc/connect";
import { fromConnectError, RoostError } from "@roost/protocol/errors";
import { SandboxState } from "@roost/protocol/hostagent";
import { TestAuthority } from "../identity/testing/authority.ts";
import { HOST_ID, type RpcRig, rpcRig, SANDBOX_ID } from "./testing/rpc-rig.ts";

const MiB = 1024 * 1024;
const target = { sandboxId: SANDBOX_ID, path: "/file", user: "" };
const spec = { sandboxId: SANDBOX_ID, template: "minimal", vcpus: 1, memoryMb: 128, env: { A: "b" }, internet: true };

function says(code: Code, pattern = /./) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof ConnectError, `a ConnectError, not ${error}`);
    assert.equal(Code[error.code], Code[code], error.message);
    assert.match(error.rawMessage, pattern);
    return true;
  };
}

suite("H10: only the control plane commands a host", () => {
  test("its certificate is obeyed", async () => {
    await using rig = await rpcRig();
    assert.deepEqual((await rig.client.listSandboxes({})).sandboxes, []);
  });

  const strangers: [string, (authority: TestAuthority) => Promise<{ key?: string; certificate?: string }>][] = [
    ["no certificate", async () => ({})],
    [
      "another host's certificate",
      (ca) => ca.issue({ name: "CN=roost:host/host-x", purpose: "serverAuth", dnsName: "x" }),
    ],
    [
      "a host's certificate with the control plane's name",
      (ca) => ca.issue({ name: "CN=roost:control-plane", purpose: "serverAuth" }),
    ],
    [
      "a client's certificate with another name",
      (ca) => ca.issue({ name: "CN=roost:control-plane2", purpose: "clientAuth" }),
    ],
    [
      "a certificate that has run out",
      (ca) =>
        ca.issue({
          name: "CN=roost:control-plane",
          purpose: "clientAuth",
          notBefore: new Date(0),
          notAfter: new Date(1e12),
        }),
    ],
    [
      "another authority's certificate",
      async () => (await TestAuthority.create()).issue({ name: "CN=roost:control-plane", purpose: "clientAuth" }),
    ],
  ];
  for (const [who, credentials] of strangers) {
    test(`${who}: refused, logged, and no call reaches a sandbox`, async () => {
      await using rig = await rpcRig();
      const client = rig.clientWith(await credentials(rig.authority));
      await assert.rejects(client.exec({ sandboxId: SANDBOX_ID, cmd: "id" }), ConnectError);
      assert.equal(rig.sandboxes.execs.length, 0);
      assert.match(rig.log.join(""), /refused/);
      await rig.client.listSandboxes({});
    });
  }

  test("TLS 1.2 is refused", async () => {
    await using rig = await rpcRig();
    const control = await rig.authority.issue({ name: "CN=roost:control-plane", purpose: "clientAuth" });
    const client = rig.clientWith(control, { maxVersion: "TLSv1.2" });
    await assert.rejects(client.listSandboxes({}), ConnectError);
  });

  test("clear text is refused, and a flood of it fills no log", async () => {
    await using rig = await rpcRig();
    for (let index = 0; index < 20; index++) {
      const socket = (await import("node:net")).connect(rig.server.address.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.end("GET / HTTP/1.1\r\n\r\n\u001b[2J");
      await once(socket.resume(), "close");
    }
    assert.equal(rig.log.filter((line) => line.includes("refused")).length, 1);
    assert.doesNotMatch(rig.log.join(""), /\\u001b|GET/);
  });

  test("it shows the certificate of its own id, also after a renewal", async () => {
    await using rig = await rpcRig();
    const serial = async (): Promise<string> => {
      const socket = connectTls({
        port: rig.server.address.port,
        host: "127.0.0.1",
        ca: rig.authority.pem,
        servername: `${HOST_ID}.roost.internal`,
        ALPNProtocols: ["h2"],
      });
      socket.on("error", () => {});
      await once(socket, "secureConnect");
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const before = await serial();
    const certificate = await rig.authority.signHost(HOST_ID, await rig.identity.key.certificateRequest());
    await rig.identity.save({ ...rig.identity.current, certificate });
    assert.notEqual(await serial(), before);
  });
});

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
      assert.doesNotMatch(rig.log.join(""), /unexpectedly/);
    });
  }

  test("a file of 16 MiB goes in one message, there and back; a larger one is told to stream", async () => {
    await using rig = await rpcRig();
    const data = Buffer.alloc(16 * MiB, "x");
    assert.equal((await rig.client.writeFile({ target, data })).sizeBytes, BigInt(data.length));
    assert.ok(data.equals((await rig.client.readFile({ target })).data));
    const larger = Buffer.alloc(16 * MiB + 1);
    await assert.rejects(rig.client.writeFile({ target, data: larger }), says(Code.OutOfRange, /streams/));
    rig.sandboxes.files.set("/file", larger);
    await assert.rejects(rig.client.readFile({ target }), says(Code.OutOfRange, /streams/));
  });

  test("R5: a stream of any size goes both ways", async () => {
    await using rig = await rpcRig();
    async function* upload() {
      yield { part: { case: "target" as const, value: target } };
      for (let index = 0; index < 40; index++)
        yield { part: { case: "chunk" as const, value: Buffer.alloc(MiB, index) } };
      yield { part: { case: "chunk" as const, value: Buffer.alloc(0) } };
    }
    assert.equal((await rig.client.streamWriteFile(upload())).sizeBytes, BigInt(40 * MiB));
    let size = 0;
    for await (const { chunk } of rig.client.streamReadFile({ target })) {
      assert.ok(chunk.length <= 256 * 1024);
      size += chunk.length;
    }
    assert.equal(size, 40 * MiB);
  });

  const cuts: [string, (rig: RpcRig, caller: AbortController) => void][] = [
    ["whose caller leaves", (_rig, caller) => caller.abort()],
    [
      "whose source fails",
      () => {
        throw new Error("the disk it comes from is broken");
      },
    ],
    ["whose connection breaks", (rig) => rig.breakConnections()],
  ];
  for (const [what, cut] of cuts) {
    test(`R5: an upload ${what} is an error to the sandbox, not the end of a file`, async () => {
      await using rig = await rpcRig();
      const caller = new AbortController();
      async function* upload() {
        yield { part: { case: "target" as const, value: target } };
        yield { part: { case: "chunk" as const, value: Buffer.from("half") } };
        while (rig.sandboxes.lastWrite === undefined) await new Promise((resolve) => setImmediate(resolve));
        cut(rig, caller);
        await new Promise(() => {});
      }
      await assert.rejects(rig.client.streamWriteFile(upload(), { signal: caller.signal }), ConnectError);
      assert.ok(rig.sandboxes.lastWrite !== undefined);
      await assert.rejects(rig.sandboxes.lastWrite);
      assert.equal(rig.sandboxes.files.size, 0);
    });
  }

  test("R5: an upload that ends without the mark of its end is refused", async () => {
    await using rig = await rpcRig();
    async function* upload() {
      yield { part: { case: "target" as const, value: target } };
      yield { part: { case: "chunk" as const, value: Buffer.from("half") } };
    }
    await assert.rejects(rig.client.streamWriteFile(upload()), says(Code.InvalidArgument, /cut off/));
    assert.equal(rig.sandboxes.files.size, 0);
  });

  test("R5: an upload that is reset while it waits for room is an error too", async () => {
    await using rig = await rpcRig();
    const mayRead = Promise.withResolvers<void>();
    rig.sandboxes.beforeWrite = mayRead.promise;
    const caller = new AbortController();
    async function* upload() {
      yield { part: { case: "target" as const, value: target } };
      for (;;) yield { part: { case: "chunk" as const, value: Buffer.alloc(MiB) } };
    }
    const uploading = rig.client.streamWriteFile(upload(), { signal: caller.signal });
    while (rig.sandboxes.lastWrite === undefined) await new Promise((resolve) => setImmediate(resolve));
    caller.abort();
    await assert.rejects(uploading, says(Code.Canceled));
    mayRead.resolve();
    await assert.rejects(rig.sandboxes.lastWrite);
    assert.equal(rig.sandboxes.files.size, 0);
  });

  test("a download that breaks ends with its error, never short", async () => {
    await using rig = await rpcRig();
    rig.sandboxes.onRead = async function* () {
      yield Buffer.from("part");
      throw new RoostError("host_failed", "The guest went away.");
    };
    const read = async (): Promise<void> => {
      for await (const _ of rig.client.streamReadFile({ target }));
    };
    await assert.rejects(read(), says(Code.Unavailable, /went away/));
  });

  test("a download that nobody reads is let go", async () => {
    await using rig = await rpcRig();
    const released = Promise.withResolvers<void>();
    rig.sandboxes.onRead = async function* () {
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        released.resolve();
      }
    };
    const caller = new AbortController();
    const iterator = rig.client.streamReadFile({ target }, { signal: caller.signal })[Symbol.asyncIterator]();
    await iterator.next();
    caller.abort();
    await released.promise;
  });

  const wrong: [string, (client: Awaited<ReturnType<typeof rpcRig>>["client"]) => Promise<unknown>][] = [
    ["an id that is a path", (client) => client.destroySandbox({ sandboxId: "../../etc" })],
    ["an id of another kind", (client) => client.exec({ sandboxId: HOST_ID, cmd: "id" })],
    ["no CPU", (client) => client.createSandbox({ ...spec, vcpus: 0 })],
    ["33 CPUs", (client) => client.createSandbox({ ...spec, vcpus: 33 })],
    ["too little memory", (client) => client.createSandbox({ ...spec, memoryMb: 127 })],
    ["a template that is a path", (client) => client.createSandbox({ ...spec, template: "../x" })],
    ["a variable without a name", (client) => client.createSandbox({ ...spec, env: { "": "x" } })],
    ["a variable with NUL", (client) => client.exec({ sandboxId: SANDBOX_ID, cmd: "id", env: { A: "\0" } })],
    ["no command", (client) => client.exec({ sandboxId: SANDBOX_ID })],
    ["an argument with NUL", (client) => client.exec({ sandboxId: SANDBOX_ID, cmd: "id", args: ["a\0"] })],
    [
      "an input over 16 MiB",
      (client) => client.exec({ sandboxId: SANDBOX_ID, cmd: "cat", stdin: Buffer.alloc(16 * MiB + 1) }),
    ],
    ["a path with NUL", (client) => client.readFile({ target: { ...target, path: "/a\0" } })],
    ["no target", (client) => client.writeFile({ data: Buffer.alloc(1) })],
    [
      "a second target",
      (client) =>
        client.streamWriteFile(
          (async function* () {
            yield { part: { case: "target" as const, value: target } };
            yield { part: { case: "target" as const, value: target } };
          })(),
        ),
    ],
    [
      "a chunk before the target",
      (client) =>
        client.streamWriteFile(
          (async function* () {
            yield { part: { case: "chunk" as const, value: Buffer.from("x") } };
          })(),
        ),
    ],
  ];
  for (const [what, call] of wrong) {
    test(`${what} is an invalid request`, async () => {
      await using rig = await rpcRig();
      await assert.rejects(call(rig.client), says(Code.InvalidArgument));
      assert.equal(rig.sandboxes.execs.length + rig.sandboxes.sandboxes.size + rig.sandboxes.files.size, 0);
    });
  }

  test("a piece of a stream over its limit is refused", async () => {
    await using rig = await rpcRig();
    async function* upload() {
      yield { part: { case: "target" as const, value: target } };
      yield { part: { case: "chunk" as const, value: Buffer.alloc(2 * MiB) } };
    }
    await assert.rejects(rig.client.streamWriteFile(upload()), says(Code.ResourceExhausted));
  });
});

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
