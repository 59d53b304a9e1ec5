import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api } = plane;

test("S1: a running sandbox pauses, has no address any more, and resumes", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create();
  const paused = await api.post(`/v1/sandboxes/${id}/pause`, { key });
  assert.deepEqual([paused.status, paused.body.status, paused.body.guest_ip], [200, "paused", null]);
  const resumed = await api.post(`/v1/sandboxes/${id}/resume`, { key });
  assert.deepEqual([resumed.status, resumed.body.status, resumed.body.guest_ip], [200, "running", "10.213.0.7"]);
  assert.equal((await api.post(`/v1/sandboxes/${id}/ping`, { key })).status, 204);
  const made = await api.post("/v1/snapshots", { key, json: { sandbox_id: id, name: "tools" } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const clone = await api.post("/v1/sandboxes", { key, json: { template: "tools", memory_mb: 1024 } });
  assert.deepEqual([clone.status, clone.body.memory_mb], [201, 512]);
  assert.equal((await api.get("/v1/snapshots", { key })).body.length, 2);
  assert.equal((await api.delete("/v1/snapshots/tools", { key })).status, 204);
});
