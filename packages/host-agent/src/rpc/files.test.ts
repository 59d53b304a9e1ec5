import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { RoostError } from "@roost/protocol/errors";
import { type RpcRig, rpcRig, SANDBOX_ID } from "./testing/rpc-rig.ts";
import { says } from "./testing/says.ts";

const MiB = 1024 * 1024;
const target = { sandboxId: SANDBOX_ID, path: "/file", user: "" };

suite("R4, R5, R6: files over RPC", () => {
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

  test("a piece of a stream over its limit is refused", async () => {
    await using rig = await rpcRig();
    async function* upload() {
      yield { part: { case: "target" as const, value: target } };
      yield { part: { case: "chunk" as const, value: Buffer.alloc(2 * MiB) } };
    }
    await assert.rejects(rig.client.streamWriteFile(upload()), says(Code.ResourceExhausted));
  });
});
