import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { guestHost } from "../testing/guest-host.ts";
import { StreamClient } from "../testing/stream-client.ts";
import { until } from "../testing/until.ts";

const plane = await startTestControlPlane({ ROOST_API_RATE_PER_SEC: "0" });
const host = await guestHost(plane);
after(async () => {
  await host[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { api } = plane;
const { key } = host.member;
const url = `${api.url}/v1/sandboxes/${host.id}/exec/stream`;

async function shell(script: string, more: object = {}): Promise<StreamClient> {
  const client = await StreamClient.open(url, { key });
  client.say({ type: "start", cmd: "/bin/sh", args: ["-c", script], ...more });
  return client;
}

async function attach(who: object): Promise<StreamClient> {
  const client = await StreamClient.open(url, { key });
  client.say({ type: "attach", ...who });
  return client;
}

function unused(): Promise<void> {
  return until("nobody uses the guest", () => host.sandboxes.uses === 0);
}

suite("R3: a command over a WebSocket", () => {
  test("start, output as it comes, input as it is given, exit; then it is closed in the ordinary way", async () => {
    await using command = await shell('echo out; echo err >&2; read line; echo "got $line"; exit 3');
    const { pid, tag, dropped_bytes } = await command.expect("start");
    assert.ok(pid > 0);
    assert.match(tag, /^roost-/);
    assert.equal(dropped_bytes, 0);
    await command.until("out\n");
    command.say({ type: "stdin", data: "wörds\n" });
    const { stdout, exitCode, ending } = await command.rest();
    assert.match(stdout.toString(), /got wörds\n$/);
    assert.equal(exitCode, 3);
    assert.deepEqual(ending, { code: 1000, reason: "" });
  });

  test("input as text, as base64 and as binary frames arrives in order, then its end", async () => {
    await using command = await shell("sha256sum");
    await command.expect("start");
    const bytes = randomBytes(700_000);
    const hash = createHash("sha256").update("ü\0").update(bytes).update(bytes).digest("hex");
    command.say({ type: "stdin", data: "ü\0" });
    command.say({ type: "stdin", data: bytes.toString("base64"), encoding: "base64" });
    command.say(bytes);
    command.say({ type: "close_stdin" });
    assert.equal((await command.rest()).stdout.toString().split(" ")[0], hash);
  });

  test("a character that is split between two writes stays whole; what is no text is base64, byte for byte", async () => {
    await using split = await shell("printf 'a\\303'; sleep 0.3; printf '\\251b'");
    await split.expect("start");
    const data = [(await split.expect("stdout")).data, (await split.expect("stdout")).data];
    assert.deepEqual(data, ["a", "éb"]);
    await using binary = await shell("head -c 3000000 /dev/urandom | tee file | sha256sum >&2; cat file", {
      cwd: host.folder,
    });
    const { stdout, stderr } = await binary.rest();
    assert.equal(createHash("sha256").update(stdout).digest("hex"), stderr.toString().split(" ")[0]);
  });

  test("half a character at the end is told as base64; all of it, if asked for", async () => {
    await using half = await shell("printf 'a\\303'");
    await half.expect("start");
    assert.deepEqual(await half.next(), { type: "stdout", data: "a" });
    assert.deepEqual(await half.next(), { type: "stdout", data: "ww==", encoding: "base64" });
    await using asked = await shell("printf a", { encoding: "base64" });
    await asked.expect("start");
    assert.deepEqual(await asked.next(), { type: "stdout", data: "YQ==", encoding: "base64" });
  });

  test("signals by name and by number, and stop", async () => {
    for (const [message, code] of [
      [{ type: "signal", signal: "SIGINT" }, 130],
      [{ type: "signal", signal: 10 }, 138],
      [{ type: "stop" }, 143],
    ] as const) {
      await using command = await shell("echo ready; exec sleep 1000");
      await command.until("ready");
      command.say(message);
      assert.equal((await command.rest()).exitCode, code);
    }
  });

  test("a command that is not there ends with 127", async () => {
    await using client = await StreamClient.open(url, { key });
    client.say({ type: "start", cmd: "no-such-command" });
    const { exitCode, stderr } = await client.rest();
    assert.equal(exitCode, 127);
    assert.match(stderr.toString(), /not found/);
  });

  test("10,000 lines at once: none is lost, none out of order", async () => {
    await using command = await shell("seq 100000");
    const { stdout } = await command.rest();
    assert.equal(stdout.toString(), Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join(""));
  });
});

suite("R3, S9: streams and the life of a command", () => {
  test("a connection that is cut leaves the command running; it is taken up again by pid and by tag", async () => {
    const script = `echo one; read line; echo two; read line; touch ${join(host.folder, "done")}; echo three`;
    await using first = await shell(script, { tag: "long-build" });
    const { pid, tag } = await first.expect("start");
    assert.equal(tag, "long-build");
    await first.until("one");
    assert.equal(host.sandboxes.uses, 1, "an open stream is activity");
    first.socket.terminate();
    await unused();
    await using second = await attach({ tag });
    assert.equal((await second.expect("start")).pid, pid);
    second.say({ type: "stdin", data: "\n" });
    await second.until("two");
    second.socket.close();
    await unused();
    await using third = await attach({ pid });
    await third.expect("start");
    third.say({ type: "stdin", data: "\n" });
    const { stdout, exitCode } = await third.rest();
    assert.equal(stdout.toString(), "three\n");
    assert.equal(exitCode, 0);
    assert.ok(existsSync(join(host.folder, "done")));
  });

  test("pausing ends it with 4410, and the process is still there afterwards", async () => {
    await using command = await shell("echo ready; read line; echo after");
    const { pid } = await command.expect("start");
    await command.until("ready");
    const { taken } = host.sandboxes;
    host.sandboxes.taken = new AbortController();
    taken.abort(new RoostError("sandbox_paused", "The sandbox was paused; what runs in it goes on later."));
    const error = await command.expect("error");
    assert.equal(error.code, "sandbox_paused");
    const ending = await command.closed();
    assert.equal(ending.code, 4410);
    assert.match(ending.reason, /^sandbox_paused: The sandbox was paused/);
    await using again = await attach({ pid });
    await again.expect("start");
    again.say({ type: "stdin", data: "\n" });
    assert.equal((await again.rest()).stdout.toString(), "after\n");
  });

  test("processes are listed, and signalled by pid or tag", async () => {
    await using command = await shell("exec sleep 1000", { tag: "sleeper", cwd: "/usr" });
    const { pid } = await command.expect("start");
    const listed = await api.get(`/v1/sandboxes/${host.id}/processes`, { key });
    assert.deepEqual(listed.body, [
      { pid, tag: "sleeper", cmd: "/bin/sh", args: ["-c", "exec sleep 1000"], cwd: "/usr" },
    ]);
    const path = `/v1/sandboxes/${host.id}/processes`;
    assert.equal((await api.delete(`${path}/sleeper?signal=SIGTERM`, { key })).status, 204);
    assert.equal((await command.rest()).exitCode, 143);
    assert.equal((await api.delete(`${path}/sleeper`, { key })).status, 404);
    assert.equal((await api.delete(`${path}/${pid}?signal=SIGNOTHING`, { key })).status, 400);
    await using other = await shell("exec sleep 1000");
    const started = await other.expect("start");
    assert.equal((await api.delete(`${path}/${started.pid}`, { key })).status, 204);
    assert.equal((await other.rest()).exitCode, 137);
  });
});
