import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { suite, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type ClientOptions, WebSocket, WebSocketServer } from "ws";
import { StreamSocket } from "./stream-socket.ts";

const PING_MS = 20;

interface Pair extends AsyncDisposable {
  readonly socket: StreamSocket;
  readonly client: WebSocket;
}

async function pair(options: ClientOptions = {}): Promise<Pair> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const accepted = once(server, "connection");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
  client.on("error", () => {});
  const [accepting] = await accepted;
  const socket = new StreamSocket(accepting, PING_MS);
  await once(client, "open");
  return {
    socket,
    client,
    async [Symbol.asyncDispose]() {
      client.terminate();
      socket.terminate();
      await socket.closed;
      server.close();
    },
  };
}

suite("R3: pings", () => {
  test("one that has read everything and answers none is gone", async () => {
    await using both = await pair({ autoPong: false });
    assert.equal((await both.socket.closed).code, 1006);
    assert.ok(both.socket.left.aborted);
  });

  test("one that answers stays", async () => {
    await using both = await pair();
    let answered = 0;
    both.client.on("ping", () => answered++);
    while (answered < 10) await once(both.client, "ping");
    assert.equal(both.socket.left.aborted, false);
  });

  test("one that does not read what was sent to it is waited for", async () => {
    await using both = await pair();
    both.client.pause();
    await both.socket.send("unread");
    await pause(20 * PING_MS);
    assert.equal(both.socket.left.aborted, false);
    both.client.resume();
    assert.equal((await once(both.client, "message"))[0].toString(), "unread");
  });
});

suite("R3: bounds", () => {
  test("sending waits for a reader that does not read, and goes on with it", async () => {
    await using both = await pair();
    both.client.pause();
    const piece = Buffer.alloc(64 * 1024);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 1000; sent++) await both.socket.send(piece);
    })();
    for (let before = -1; before !== sent; await pause(200)) before = sent;
    assert.ok(sent < 1000, "it waits");
    let received = 0;
    both.client.on("message", () => received++);
    both.client.resume();
    await sending;
    while (received < 1000) await once(both.client, "message");
  });

  test("what nobody takes is not read on; then all of it comes in order", async () => {
    await using both = await pair();
    const piece = Buffer.alloc(64 * 1024);
    for (let index = 0; index < 500; index++) {
      piece.writeUInt32BE(index);
      both.client.send(Buffer.from(piece));
    }
    for (let before = -1; before !== both.socket.receivedBytes; await pause(200)) before = both.socket.receivedBytes;
    assert.ok(both.socket.receivedBytes < 1024 * 1024, String(both.socket.receivedBytes));
    let next = 0;
    for await (const { bytes } of both.socket.messages()) {
      assert.equal(bytes.readUInt32BE(), next++);
      if (next === 500) break;
    }
  });

  test("sending to one that left fails, also when it waits for room", async () => {
    await using both = await pair();
    both.client.pause();
    const sending = (async () => {
      for (;;) await both.socket.send(Buffer.alloc(64 * 1024));
    })();
    both.client.terminate();
    await assert.rejects(sending, /the client has left/);
  });
});
