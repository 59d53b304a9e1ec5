import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { after, suite, test } from "node:test";
import { startTestControlPlane } from "../../testing/control-plane.ts";
import { guestHost } from "../../testing/guest-host.ts";
import { type Ending, StreamClient } from "../../testing/stream-client.ts";
import { MESSAGE_BYTES } from "./stream-socket.ts";

const FRIEND = "https://console.example.com";
const plane = await startTestControlPlane({ ROOST_API_RATE_PER_SEC: "0", ROOST_CORS_ORIGINS: FRIEND });
const host = await guestHost(plane);
after(async () => {
  await host[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { api } = plane;
const { key, session } = host.member;
const base = `${api.url}/v1/sandboxes/${host.id}`;
const exec = `${base}/exec/stream`;
const streams = [exec, `${base}/pty`, `${base}/files/watch`];

/** How a stream ends to which this is said. */
async function endingAfter(url: string, messages: readonly (object | string | Uint8Array)[]): Promise<Ending> {
  await using client = await StreamClient.open(url, { key });
  for (const message of messages) client.say(message);
  return await client.closed();
}

suite("R3, A2: who may open a stream", () => {
  for (const [what, protocols] of [
    ["a key", ["roost.v1", `roost.auth.${key}`]],
    ["a session", ["roost.v1", `roost.auth.${session}`]],
  ] as const) {
    test(`${what} in the offered protocols opens it, and the protocol is agreed on`, async () => {
      await using client = new StreamClient(exec, protocols, { origin: api.url });
      await once(client.socket, "open");
      assert.equal(client.socket.protocol, "roost.v1");
      client.say({ type: "start", cmd: "true" });
      assert.equal((await client.rest()).exitCode, 0);
    });
  }

  test("a header opens it, also from a page of an origin that is allowed", async () => {
    await using client = await StreamClient.open(exec, { session }, { origin: FRIEND });
    client.say({ type: "start", cmd: "true" });
    assert.equal((await client.rest()).exitCode, 0);
  });

  test("no credentials, or wrong ones, are 4401; another page's origin is 4403, whatever it shows", async () => {
    for (const url of streams) {
      for (const protocols of [
        [],
        ["roost.v1"],
        ["roost.v1", "roost.auth.rst_0000"],
        ["roost.v1", "roost.auth.x.y.z"],
      ]) {
        await using client = new StreamClient(url, protocols);
        const { code, reason } = await client.closed();
        assert.equal(code, 4401);
        assert.match(reason, /^unauthorized: /);
      }
      await using stranger = new StreamClient(url, ["roost.v1", `roost.auth.${key}`], {
        origin: "https://evil.example",
      });
      assert.equal((await stranger.closed()).code, 4403);
    }
  });

  test("another team's sandbox is 4404, as one that never was; so is an id that is none", async () => {
    const other = await plane.newMember();
    const reasons: string[] = [];
    for (const [url, token] of [
      [exec, other.key],
      [exec.replace(host.id, "sb-aaaaaaaaaaaaaaaaaaaa"), key],
      [exec.replace(host.id, "nonsense"), key],
    ] as const) {
      await using client = new StreamClient(url, ["roost.v1", `roost.auth.${token}`]);
      const { code, reason } = await client.closed();
      assert.equal(code, 4404);
      reasons.push(reason);
    }
    assert.equal(reasons[0], reasons[1]);
  });

  test("a sandbox that does not run is 4409", async () => {
    const { body } = await api.post("/v1/sandboxes", { key, json: {} });
    await api.post(`/v1/sandboxes/${body.id}/pause`, { key });
    await using client = await StreamClient.open(exec.replace(host.id, body.id), { key });
    const { code, reason } = await client.closed();
    assert.equal(code, 4409);
    assert.match(reason, /^not_running: The sandbox is paused/);
  });

  test("asked for as an ordinary request it says what it is; another upgrade is not taken", async () => {
    assert.equal((await api.get(`/v1/sandboxes/${host.id}/exec/stream`, { key })).body.error.code, "invalid_request");
    const asked = request(`${api.url}/healthz`, { headers: { connection: "upgrade", upgrade: "h2c" } }).end();
    const [answer] = await once(asked, "response");
    assert.equal(answer.statusCode, 200);
    answer.resume();
  });

  test("an upgrade to what is no stream is answered like any request", async () => {
    for (const [path, status] of [
      ["/healthz", 200],
      ["/v1/nothing", 404],
    ] as const) {
      const client = new StreamClient(api.url + path);
      const [, response] = await once(client.socket, "unexpected-response");
      assert.equal(response.statusCode, status);
      response.destroy();
    }
  });
});

suite("R3: what may be said over a stream", () => {
  const start = { type: "start", cmd: "cat" };
  const wrong: [string, string, readonly (object | string | Uint8Array)[], RegExp][] = [
    ["no JSON", exec, ["hello"], /JSON/],
    ["JSON that is no object", exec, ["3"], /JSON object/],
    ["an unknown type", exec, [{ type: "dance" }], /type must be one of/],
    ["input before the start", exec, [{ type: "stdin", data: "x" }], /first message/],
    ["a binary first message", exec, [Buffer.from("x")], /text message/],
    ["a start without a command", exec, [{ type: "start" }], /cmd is missing/],
    ["an unknown field", exec, [{ ...start, timeout_sec: 3 }], /timeout_sec is not known/],
    ["a second start", exec, [start, start], /one command/],
    ["a signal that is none", exec, [start, { type: "signal", signal: "SIGNOTHING" }], /signal/],
    ["input that is no base64", exec, [start, { type: "stdin", data: "%%%%", encoding: "base64" }], /base64/],
    ["an attach to two", exec, [{ type: "attach", pid: 1, tag: "x" }], /pid or by its tag/],
    ["a tag that is a number", exec, [{ ...start, tag: "7" }], /tag/],
    ["a terminal without a size", `${base}/pty`, [{ type: "start" }], /cols is missing/],
    ["a terminal of no columns", `${base}/pty`, [{ type: "start", cols: 0, rows: 1 }], /cols/],
    ["typing before the start", `${base}/pty`, [Buffer.from("ls\n")], /text message/],
    ["a watch without a path", `${base}/files/watch`, [{ type: "start" }], /path is missing/],
    [
      "more after a watch's start",
      `${base}/files/watch`,
      [{ type: "start", path: "/" }, { type: "start" }],
      /nothing more/,
    ],
  ];
  for (const [what, url, messages, reason] of wrong) {
    test(`${what} is 4400, and the reason says it`, async () => {
      const ending = await endingAfter(url, messages);
      assert.equal(ending.code, 4400, ending.reason);
      assert.match(ending.reason, /^invalid_request: /);
      assert.match(ending.reason, reason);
    });
  }

  for (const [what, size] of [
    ["a message over the limit", MESSAGE_BYTES + 1],
    ["a giant one", 20 * MESSAGE_BYTES],
  ] as const) {
    test(`${what} is 1009`, async () => {
      for (const before of [[], [start]]) {
        const { code, reason } = await endingAfter(exec, [...before, Buffer.alloc(size)]);
        assert.equal(code, 1009);
        assert.match(reason, /at most 1048576 bytes/);
      }
    });
  }

  test("text that is no UTF-8 is 1007, a frame that is none 1002, both with a reason", async () => {
    for (const [bytes, code] of [
      [[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xff], 1007],
      [[0xff, 0x80, 0, 0, 0, 0], 1002],
    ] as const) {
      await using client = await StreamClient.open(exec, { key });
      // Beneath the library: it would not send such a thing.
      (client.socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(Buffer.from(bytes));
      const ending = await client.closed();
      assert.equal(ending.code, code);
      assert.match(ending.reason, /^invalid_request: /);
    }
  });

  test("a folder that is not there is 4404, one that is none 4400", async () => {
    const watch = `${base}/files/watch`;
    assert.equal((await endingAfter(watch, [{ type: "start", path: "/no/such" }])).code, 4404);
    assert.equal((await endingAfter(watch, [{ type: "start", path: "/etc/hostname" }])).code, 4400);
  });

  test("no process to attach is 4404", async () => {
    assert.equal((await endingAfter(exec, [{ type: "attach", tag: "nobody" }])).code, 4404);
  });
});
