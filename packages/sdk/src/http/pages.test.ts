import assert from "node:assert/strict";
import { test } from "node:test";
import { Roost } from "../roost.ts";
import { errorAnswer, ScriptedServer, sandboxWire } from "../testing/testing.ts";

const page = (ids: readonly string[], link?: string) => ({
  json: ids.map((id) => sandboxWire({ id })),
  headers: link === undefined ? {} : { link },
});

test("R1: a list goes on over its pages to the end", async () => {
  await using server = await ScriptedServer.start(({ query }) => {
    if (query.get("cursor") === null) return page(["sb-a", "sb-b"], '</v1/sandboxes?limit=2&cursor=b>; rel="next"');
    if (query.get("cursor") === "b") return page(["sb-c"], '</v1/sandboxes?cursor=c>; rel="next", </x>; rel="prev"');
    return page([]);
  });
  const roost = new Roost({ url: server.url });
  const ids = await Array.fromAsync(roost.sandboxes.list({ pageSize: 2 }), ({ id }) => id);
  assert.deepEqual(ids, ["sb-a", "sb-b", "sb-c"]);
  assert.deepEqual(
    server.requests.map(({ query }) => query.toString()),
    ["limit=2", "limit=2&cursor=b", "cursor=c"],
  );
});

test("A3: a page's link to another server is not followed there", async () => {
  await using elsewhere = await ScriptedServer.start(() => page([]));
  await using server = await ScriptedServer.start(({ query }) =>
    query.has("cursor") ? page(["sb-b"]) : page(["sb-a"], `<${elsewhere.url}/v1/sandboxes?cursor=b>; rel=next`),
  );
  const roost = new Roost({ url: server.url, apiKey: "rst_key" });
  assert.equal((await Array.fromAsync(roost.sandboxes.list())).length, 2);
  assert.equal(elsewhere.requests.length, 0);
});

test("a page is fetched only when the reader gets there", async () => {
  await using server = await ScriptedServer.start(() => page(["sb-a", "sb-b"], '</v1/sandboxes?cursor=b>; rel="next"'));
  for await (const _sandbox of new Roost({ url: server.url }).sandboxes.list()) break;
  assert.equal(server.requests.length, 1);
});

test("a list that leads in a circle ends with an error", async () => {
  await using server = await ScriptedServer.start(() => page(["sb-a"], '</v1/sandboxes?cursor=b>; rel="next"'));
  const reading = Array.fromAsync(new Roost({ url: server.url }).sandboxes.list());
  await assert.rejects(reading, { name: "RoostProtocolError" });
});

test("an error on a later page reaches the reader", async () => {
  await using server = await ScriptedServer.start(({ query }) =>
    query.has("cursor")
      ? errorAnswer(401, "unauthorized", "The session has ended.")
      : page(["sb-a"], '</v1/sandboxes?cursor=b>; rel="next"'),
  );
  const reading = Array.fromAsync(new Roost({ url: server.url }).sandboxes.list());
  await assert.rejects(reading, { name: "RoostApiError", code: "unauthorized", status: 401 });
});

test("something else than a list is told apart from an empty one", async () => {
  await using server = await ScriptedServer.start(() => ({ json: { sandboxes: [] } }));
  const reading = Array.fromAsync(new Roost({ url: server.url }).sandboxes.list());
  await assert.rejects(reading, { name: "RoostProtocolError" });
});
