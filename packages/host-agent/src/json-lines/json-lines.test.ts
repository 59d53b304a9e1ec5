import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { JsonLines, type JsonObject } from "./json-lines.ts";

/** A peer that does with each connection what the test says; and a client connected to it. */
async function converse(serve: (socket: Socket) => void, onEvent: (event: JsonObject) => void = () => {}) {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await mkdtempDisposable(join(tmpdir(), "roost-json-lines-")));
  const path = join(folder.path, "peer.sock");
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  server.listen(path);
  await once(server, "listening");
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const options = {
    peer: "the peer",
    isAnswer: (m: JsonObject) => m.event === undefined,
    onEvent,
    answerLimitMs: 5_000,
  };
  const lines = await JsonLines.connect(path, options);
  assert(lines);
  stack.use(lines);
  return { lines, path, options, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("answers come to their requests in order, with events between them told apart", async () => {
  const events: JsonObject[] = [];
  await using peer = await converse(
    (socket) => socket.once("data", () => socket.write('{"n":1}\n{"event":"e"}\n{"n":2}\n')),
    (event) => events.push(event),
  );
  const answers = await Promise.all([peer.lines.ask({ op: "one" }), peer.lines.ask({ op: "two" })]);
  assert.deepEqual(answers, [{ n: 1 }, { n: 2 }]);
  assert.deepEqual(events, [{ event: "e" }]);
});

test("a line that arrives byte by byte, with a character split between two of them, is one line", async () => {
  await using peer = await converse((socket) => {
    socket.once("data", async () => {
      for (const byte of Buffer.from('{"word":"Käse"}\n')) {
        socket.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
    });
  });
  assert.deepEqual(await peer.lines.ask({}), { word: "Käse" });
});

test("nobody behind the socket is told apart from a conversation", async () => {
  await using peer = await converse(() => {});
  assert.equal(await JsonLines.connect(`${peer.path}.none`, peer.options), undefined);
});

for (const [what, words] of [
  ["no JSON", "hello\n"],
  ["no object", "7\n"],
  ["a line without an end", "x".repeat(70_000)],
] as const) {
  test(`a peer that says ${what} is hung up on, and whoever waits is told`, async () => {
    await using peer = await converse((socket) => socket.once("data", () => socket.write(words)));
    await assert.rejects(peer.lines.ask({}), { code: "internal" });
    await peer.lines.closed;
    await assert.rejects(peer.lines.ask({}), /has ended/);
  });
}

test("an answer that nobody asked for is not taken for the next one", async () => {
  const { promise: eventCame, resolve } = Promise.withResolvers<JsonObject>();
  await using peer = await converse((socket) => {
    socket.write('{"n":0}\n{"event":"e"}\n');
    socket.on("data", () => socket.write('{"n":1}\n'));
  }, resolve);
  await eventCame;
  assert.deepEqual(await peer.lines.ask({}), { n: 1 });
});
