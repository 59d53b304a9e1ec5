import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { startTestControlPlane } from "../../testing/control-plane.ts";
import { guestHost } from "../../testing/guest-host.ts";
import { StreamClient } from "../../testing/stream-client.ts";
import { until } from "../../testing/until.ts";

const plane = await startTestControlPlane({ ROOST_API_RATE_PER_SEC: "0" });
const host = await guestHost(plane);
after(async () => {
  await host[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { key } = host.member;
const url = `${plane.api.url}/v1/sandboxes/${host.id}/exec/stream`;

async function shell(script: string): Promise<StreamClient> {
  const client = await StreamClient.open(url, { key });
  client.say({ type: "start", cmd: "/bin/sh", args: ["-c", script] });
  return client;
}

suite("R3, R5: many streams, and slow ones", () => {
  test("200 at once over one control plane are told apart, and each is answered", async () => {
    await using stack = new AsyncDisposableStack();
    const clients = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => stack.use(await shell(`read line; echo "${index} $line"`))),
    );
    await Promise.all(clients.map((client) => client.expect("start")));
    assert.equal(host.sandboxes.uses, 200);
    for (const [index, client] of clients.entries()) client.say({ type: "stdin", data: `line ${index}\n` });
    const results = await Promise.all(clients.map((client) => client.rest()));
    for (const [index, { stdout, exitCode }] of results.entries()) {
      assert.equal(stdout.toString(), `${index} line ${index}\n`);
      assert.equal(exitCode, 0);
    }
    await until("nobody uses the guest", () => host.sandboxes.uses === 0);
  });

  test("a client that does not read holds its own command back, and no other; then it gets all of it", async () => {
    const lines = 3_000_000;
    await using slow = await shell(`seq ${lines}; echo written >&2`);
    await slow.expect("start");
    slow.socket.pause();
    await using quick = await shell("seq 300000");
    const { stdout } = await quick.rest();
    assert.ok(stdout.toString().endsWith("299999\n300000\n"));
    const { processes } = await listed();
    assert.equal(processes, 1, "the slow client's command waits");
    slow.socket.resume();
    const all = await slow.rest();
    assert.equal(all.stderr.toString(), "written\n");
    let line = 0;
    for (const text of all.stdout.toString().trimEnd().split("\n")) assert.equal(Number(text), ++line);
    assert.equal(line, lines);
  });

  test("a command that does not read holds its client back, and stop still gets through", async () => {
    await using client = await shell("echo ready; exec sleep 1000");
    const { pid } = await client.expect("start");
    await client.until("ready");
    const piece = Buffer.alloc(256 * 1024);
    // Far more than may wait on the way.
    for (let sent = 0; sent < 200; sent++) client.say(piece);
    await until("the connection takes no more", async () => {
      const before = client.socket.bufferedAmount;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return before > 0 && client.socket.bufferedAmount === before;
    });
    const path = `/v1/sandboxes/${host.id}/processes/${pid}`;
    assert.equal((await plane.api.delete(path, { key })).status, 204);
    assert.equal((await client.rest()).exitCode, 137);
  });
});

async function listed(): Promise<{ processes: number }> {
  const { body } = await plane.api.get(`/v1/sandboxes/${host.id}/processes`, { key });
  return { processes: body.length };
}
