import assert from "node:assert/strict";
import { test } from "node:test";
import { Roost } from "./roost.ts";
import type { Sandbox } from "./sandbox.ts";
import { SANDBOX_ID, type ScriptedStream, ScriptedStreams } from "./testing/testing.ts";

const STARTED = { type: "start", pid: 7, tag: "a", dropped_bytes: 0 };

async function sandboxAt(url: string): Promise<Sandbox> {
  return await new Roost({ url, apiKey: "rst_key" }).sandboxes.get(SANDBOX_ID);
}

/** Starts, says these, and ends. */
function saying(...messages: object[]): (stream: ScriptedStream) => Promise<void> {
  return async (stream) => {
    await stream.hear();
    for (const message of [STARTED, ...messages]) stream.say(message);
    stream.socket.close(1000);
  };
}

test("R3: output comes piece by piece, and then how it ended", async () => {
  await using server = await ScriptedStreams.start(
    saying(
      { type: "stdout", data: "grüße" },
      { type: "stderr", data: "/w==", encoding: "base64" },
      { type: "exit", exit_code: 3 },
    ),
  );
  const run = (await sandboxAt(server.url)).exec("make");
  const seen: unknown[] = [];
  for await (const { stream, text, data } of run) seen.push([stream, text, [...data]]);
  assert.deepEqual(seen, [
    ["stdout", "grüße", [...Buffer.from("grüße")]],
    ["stderr", "\ufffd", [255]],
  ]);
  const { exitCode, stdout, timedOut } = await run;
  assert.deepEqual([exitCode, stdout, timedOut], [3, "", false]);
});

test("R3: input of any kind is passed on byte for byte, then ends; the result is collected", async () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, index) => index % 251));
  await using server = await ScriptedStreams.start(async (stream) => {
    const { cmd, stdin } = (await stream.hear()) as { cmd: string; stdin: boolean };
    assert.deepEqual([cmd, stdin], ["cat", true]);
    stream.say(STARTED);
    for (;;) {
      const message = await stream.hear();
      if (!(message instanceof Uint8Array)) break;
      stream.say({ type: "stdout", data: Buffer.from(message).toString("base64"), encoding: "base64" });
    }
    stream.say({ type: "exit", exit_code: 0 });
    stream.socket.close(1000);
  });
  const sandbox = await sandboxAt(server.url);
  for (const stdin of [bytes, new Blob([bytes]).stream()]) {
    assert.deepEqual(Buffer.from((await sandbox.exec("cat", [], { stdin })).stdoutBytes), bytes);
  }
});

test("R3: signals, a terminal's size and what is typed get through", async () => {
  const heard: unknown[] = [];
  await using server = await ScriptedStreams.start(async (stream) => {
    heard.push(stream.request.headers["x-api-key"], await stream.hear());
    stream.say(STARTED);
    stream.say(Buffer.from("$ "));
    for (let left = 3; left > 0; left--) heard.push(await stream.hear());
    stream.say({ type: "exit", exit_code: 130 });
    stream.socket.close(1000);
  });
  using terminal = await (await sandboxAt(server.url)).pty({ size: { cols: 100, rows: 30 } });
  await terminal.write("ls");
  await terminal.resize({ cols: 90, rows: 20 });
  await terminal.kill("SIGINT");
  assert.deepEqual(Buffer.concat(await Array.fromAsync(terminal)).toString(), "$ ");
  assert.equal(terminal.exitCode, 130);
  assert.deepEqual(heard, [
    "rst_key",
    { type: "start", cols: 100, rows: 30 },
    Buffer.from("ls"),
    { type: "resize", cols: 90, rows: 20 },
    { type: "signal", signal: "SIGINT" },
  ]);
});

test("R5: how a stream ended is an error of the contract, and one that breaks off never just ends", async () => {
  const endings: ((stream: ScriptedStream) => void)[] = [
    ({ socket }) => socket.close(4410, "sandbox_paused: It was paused."),
    (stream) => {
      stream.say({ type: "error", code: "sandbox_paused", data: "It was paused." });
      stream.socket.close(4410, "sandbox_paused: It …");
    },
    ({ socket }) => socket.close(1001, "This server is stopping; what runs goes on."),
    ({ socket }) => socket.close(1000),
    ({ socket }) => socket.terminate(),
  ];
  const paused = {
    name: "RoostApiError",
    code: "sandbox_paused",
    status: 409,
    closeCode: 4410,
    message: "It was paused.",
  };
  const broken = { name: "RoostConnectionError" };
  for (const [index, end] of endings.entries()) {
    await using server = await ScriptedStreams.start(async (stream) => {
      await stream.hear();
      stream.say(STARTED);
      stream.say({ type: "stdout", data: "so far" });
      end(stream);
    });
    const command = await (await sandboxAt(server.url)).attach({ tag: "a" });
    await assert.rejects(command.wait(), index < 2 ? paused : broken);
  }
});

test("R5: a reader that stops reading stops the server", async () => {
  let sent = 0;
  const line = { type: "stdout", data: "x".repeat(64 * 1024) };
  const lines = 1024;
  await using server = await ScriptedStreams.start(async (stream) => {
    await stream.hear();
    stream.say(STARTED);
    for (; sent < lines; sent++) await new Promise((resolve) => stream.socket.send(JSON.stringify(line), resolve));
    stream.say({ type: "exit", exit_code: 0 });
    stream.socket.close(1000);
  });
  const command = await (await sandboxAt(server.url)).start("yes");
  // Until it no longer gets on: all buffers between the two are full.
  for (let before = -1; before !== sent; ) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(sent < lines / 2, `${sent} messages were sent to who reads none`);
  let received = 0;
  for await (const { data } of command) received += data.length;
  assert.deepEqual([received, command.exitCode], [lines * line.data.length, 0]);
});

test("R3: whoever gives up a command that they follow ends it", async () => {
  await using server = await ScriptedStreams.start(async (stream) => {
    await stream.hear();
    stream.say(STARTED);
    stream.say({ type: "stdout", data: "ready" });
  });
  const sandbox = await sandboxAt(server.url);
  const isKill = (request: string): boolean => /^DELETE .*\/processes\/exec-.*SIGKILL/.test(request);
  for await (const { text } of sandbox.exec("sleep", ["99"])) {
    assert.equal(text, "ready");
    break;
  }
  assert.equal(server.requests.filter(isKill).length, 1);
  const controller = new AbortController();
  const reason = new Error("enough");
  const aborted = async (): Promise<void> => {
    for await (const _ of sandbox.exec("sleep", ["99"], { signal: controller.signal })) controller.abort(reason);
  };
  await assert.rejects(aborted(), reason);
});

test("R5: a stream to where nobody listens is a lost connection", async () => {
  await using server = await ScriptedStreams.start(() => undefined);
  const sandbox = await sandboxAt(server.url);
  await server[Symbol.asyncDispose]();
  await assert.rejects(sandbox.start("true"), { name: "RoostConnectionError" });
});

test("R8: changes in a folder are told in order", async () => {
  await using server = await ScriptedStreams.start(async (stream) => {
    assert.deepEqual(await stream.hear(), { type: "start", path: "/a", recursive: true });
    stream.say({ type: "start" });
    for (const event of ["create", "remove"]) stream.say({ type: "event", event, name: "b" });
  });
  const { files } = await sandboxAt(server.url);
  const seen: string[] = [];
  for await (const { event, name } of await files.watch("/a", { recursive: true })) {
    if (seen.push(`${event} ${name}`) === 2) break;
  }
  assert.deepEqual(seen, ["create b", "remove b"]);
});
