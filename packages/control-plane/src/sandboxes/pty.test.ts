import assert from "node:assert/strict";
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
const { key } = host.member;
const url = `${plane.api.url}/v1/sandboxes/${host.id}/pty`;

async function terminal(first: object): Promise<StreamClient> {
  const client = await StreamClient.open(url, { key });
  client.say(first);
  return client;
}

function shell(script: string, more: object = {}): Promise<StreamClient> {
  return terminal({ type: "start", cols: 80, rows: 24, cmd: "/bin/sh", args: ["-c", script], ...more });
}

suite("R7: a terminal over a WebSocket", () => {
  test("it is one: of this size, with echo; binary frames are typed and shown, exit is told", async () => {
    await using client = await shell("tty; stty size; read line; echo got $line; exit 4");
    const { pid, tag } = await client.expect("start");
    assert.ok(pid > 0 && tag !== "");
    assert.match(await client.until("24 80"), /^\/dev\/pts\/\d+\r\n24 80/);
    client.say(Buffer.from("wörds\r"));
    const { stdout, exitCode, ending } = await client.rest();
    assert.match(stdout.toString(), /wörds\r\ngot wörds\r\n/);
    assert.equal(exitCode, 4);
    assert.equal(ending.code, 1000);
  });

  test("without a command it is the user's shell; it takes another size, Ctrl-C and Ctrl-D", async () => {
    await using client = await terminal({ type: "start", cols: 80, rows: 24, env: { PS1: "$ " } });
    await client.expect("start");
    client.say({ type: "resize", cols: 132, rows: 50 });
    client.say(Buffer.from("stty size\r"));
    await client.until("50 132");
    client.say(Buffer.from("sleep 1000\r"));
    await client.until("sleep 1000");
    client.say(Buffer.from("\u0003"));
    client.say(Buffer.from("echo $((6*7))\r"));
    await client.until("42");
    client.say(Buffer.from("\u0004"));
    assert.equal((await client.rest()).exitCode, 0);
  });

  test("a connection that is cut leaves it there; attached again it has its new size, and what was shown meanwhile", async () => {
    await using first = await shell("read a; echo first; sleep 0.2; echo meanwhile; read b; stty size; sleep 1000", {
      tag: "shell-1",
    });
    const { pid } = await first.expect("start");
    first.say(Buffer.from("\r"));
    await first.until("first");
    first.socket.terminate();
    await until("nobody uses the guest", () => host.sandboxes.uses === 0);
    await using second = await terminal({ type: "attach", tag: "shell-1", cols: 100, rows: 30 });
    assert.equal((await second.expect("start")).pid, pid);
    await second.until("meanwhile");
    second.say(Buffer.from("\r"));
    await second.until("30 100");
    second.say({ type: "signal", signal: "SIGKILL" });
    assert.equal((await second.rest()).exitCode, 137);
  });

  test("S9: it is activity while it is open, also a silent one; pausing ends it with 4410", async () => {
    await using client = await shell("echo ready; sleep 1000");
    const { pid } = await client.expect("start");
    await client.until("ready");
    assert.equal(host.sandboxes.uses, 1);
    const { taken } = host.sandboxes;
    host.sandboxes.taken = new AbortController();
    taken.abort(new RoostError("sandbox_paused", "The sandbox was paused."));
    assert.equal((await client.expect("error")).code, "sandbox_paused");
    assert.equal((await client.closed()).code, 4410);
    await using again = await terminal({ type: "attach", pid });
    await again.expect("start");
    again.say({ type: "stop" });
    await again.rest();
  });

  test("a size for what has no terminal is 4400", async () => {
    await using command = await StreamClient.open(url.replace(/pty$/, "exec/stream"), { key });
    command.say({ type: "start", cmd: "sleep", args: ["1000"] });
    const { pid } = await command.expect("start");
    await using client = await terminal({ type: "attach", pid, cols: 1, rows: 1 });
    await client.expect("start");
    assert.equal((await client.closed()).code, 4400);
    command.say({ type: "stop" });
    await command.rest();
  });
});
