import assert from "node:assert/strict";
import { test } from "node:test";
import { Roost } from "./roost.ts";
import { templateToWire } from "./sdk.ts";
import { errorAnswer, instantTiming, SANDBOX_ID, ScriptedServer, templateWire } from "./testing/testing.ts";

test("S4: a snapshot is asked for in the contract's names, and given in ours", async () => {
  await using server = await ScriptedServer.start(() => ({ status: 201, json: templateWire() }));
  const roost = new Roost({ url: server.url });
  const made = await roost.snapshots.create(SANDBOX_ID, { name: "tools", leave: "running", overwrite: true });
  assert.deepEqual([made.name, made.memoryMb, made.sizeBytes], ["tools", 1024, 73_400_320]);
  assert.deepEqual(made.createdAt, new Date("2025-01-02T03:04:05Z"));
  assert.deepEqual(templateToWire(made), templateWire());
  await roost.snapshots.create(SANDBOX_ID);
  assert.deepEqual(
    server.requests.map(({ method, path, query, body }) => [
      `${method} ${path}`,
      query.toString(),
      JSON.parse(Buffer.from(body).toString()),
    ]),
    [
      ["POST /v1/snapshots", "overwrite=true", { sandbox_id: SANDBOX_ID, name: "tools", leave: "running" }],
      ["POST /v1/snapshots", "", { sandbox_id: SANDBOX_ID }],
    ],
  );
});

test("R1: a snapshot whose answer was lost is asked for again under the same key", async () => {
  const answers = [
    { json: templateWire(), cutAfter: 0 },
    errorAnswer(409, "conflict", "The first request with this key is still at work."),
    { status: 201, json: templateWire() },
  ];
  await using server = await ScriptedServer.start(() => answers.shift() ?? {});
  const roost = new Roost({ url: server.url, timing: instantTiming() });
  assert.equal((await roost.snapshots.create(SANDBOX_ID)).name, "tools");
  const keys = server.requests.map(({ headers }) => headers.get("idempotency-key"));
  assert.match(keys[0] ?? "", /^[0-9a-f]{32}$/);
  assert.deepEqual(keys, Array(3).fill(keys[0]));
});

test("S6: lists go page by page, narrowed by type; base images have no owner and no shape", async () => {
  const base = templateWire({
    name: "minimal",
    type: "base",
    team_id: null,
    vcpus: null,
    memory_mb: null,
    size_bytes: null,
  });
  await using server = await ScriptedServer.start(({ query }) =>
    query.has("cursor")
      ? { json: [base] }
      : { json: [templateWire()], headers: { link: '</v1/snapshots?cursor=1>; rel="next"' } },
  );
  const roost = new Roost({ url: server.url });
  const all = await Array.fromAsync(roost.snapshots.list());
  assert.deepEqual(all.map(templateToWire), [templateWire(), base]);
  await Array.fromAsync(roost.snapshots.list({ type: "base", pageSize: 5 }));
  assert.equal(server.requests[2]?.query.toString(), "type=base&limit=5");
});

test("S6: a snapshot is deleted by its name, which stays one segment of the path", async () => {
  await using server = await ScriptedServer.start(() => ({ status: 204 }));
  const roost = new Roost({ url: server.url });
  await roost.snapshots.delete("tools");
  await roost.snapshots.delete("a/../b");
  assert.deepEqual(
    server.requests.map(({ method, path }) => `${method} ${path}`),
    ["DELETE /v1/snapshots/tools", "DELETE /v1/snapshots/a%2F..%2Fb"],
  );
  await assert.rejects(roost.snapshots.delete(""), TypeError);
});
