import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

test("A3: a key is shown once, opens its team's sandboxes, and is kept as its SHA-256 only", async () => {
  const { session, teamId } = await plane.newMember();
  const made = await api.post("/v1/api-keys", { session, json: { name: "ci ü" } });
  assert.equal(made.status, 201);
  const { key, id, key_prefix, name, team_id } = made.body;
  assert.match(key, /^rst_[0-9a-f]{64}$/);
  assert.deepEqual([key.startsWith(key_prefix), key_prefix.length, name, team_id], [true, 12, "ci ü", teamId]);
  assert.equal((await api.get("/v1/sandboxes", { key })).status, 200);
  const listed = await api.get("/v1/api-keys", { session });
  assert.doesNotMatch(JSON.stringify(listed.body), new RegExp(key));
  assert.ok(listed.body.some((row: { id: string }) => row.id === id));
  const row = await db.selectFrom("team_api_keys").where("id", "=", id).selectAll().executeTakeFirstOrThrow();
  assert.deepEqual(row.key_hash, createHash("sha256").update(key).digest());
  assert.doesNotMatch(JSON.stringify(row), new RegExp(key));
});

test("A3: a key's last use is kept", async () => {
  const { key, session } = await plane.newMember();
  const before = await api.get("/v1/api-keys", { session });
  assert.equal(before.body[0].last_used, null);
  await api.get("/v1/sandboxes", { key });
  const after = await api.get("/v1/api-keys", { session });
  assert.ok(after.body[0].last_used);
});

test("A3: a deleted key opens nothing, and deleting it again is 404", async () => {
  const { key, session } = await plane.newMember();
  const [{ id }] = (await api.get("/v1/api-keys", { session })).body;
  assert.equal((await api.delete(`/v1/api-keys/${id}`, { session })).status, 204);
  assert.equal((await api.get("/v1/sandboxes", { key })).status, 401);
  assert.equal((await api.delete(`/v1/api-keys/${id}`, { session })).status, 404);
});

test("A2: another team's keys cannot be seen or deleted", async () => {
  const [owner, stranger] = [await plane.newMember(), await plane.newMember()];
  const [{ id }] = (await api.get("/v1/api-keys", { session: owner.session })).body;
  assert.equal((await api.delete(`/v1/api-keys/${id}`, { session: stranger.session })).status, 404);
  const theirs = (await api.get("/v1/api-keys", { session: stranger.session })).body;
  assert.ok(theirs.every((row: { team_id: string }) => row.team_id === stranger.teamId));
  assert.equal((await api.get("/v1/sandboxes", { key: owner.key })).status, 200);
});

test("bad names of keys are 400", async () => {
  const { session } = await plane.newMember();
  for (const json of [
    {},
    { name: "" },
    { name: "x".repeat(101) },
    { name: "\0" },
    { name: 1 },
    { name: "x", id: "y" },
  ]) {
    assert.equal((await api.post("/v1/api-keys", { session, json })).status, 400, JSON.stringify(json));
  }
});
