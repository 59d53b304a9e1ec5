import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { type TeamWithHosts, teamWithHosts } from "../testing/team.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

async function snapshot(team: TeamWithHosts, json: object) {
  const made = await api.post("/v1/snapshots", { key: team.member.key, json });
  assert.equal(made.status, 201);
  return made;
}

test("S5: a sandbox made from a snapshot has its vCPUs and memory, whatever the request says", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create({ vcpus: 2, memory_mb: 256 });
  const made = await snapshot(team, { sandbox_id: id, name: "tools" });
  // More memory than any host has would be refused, were it asked for.
  const json = { template: "tools", vcpus: 1, memory_mb: 99_999, timeout_sec: 7 };
  const clone = await api.post("/v1/sandboxes", { key, json });
  const { status, template, vcpus, memory_mb } = clone.body;
  assert.deepEqual(
    [clone.status, status, template, vcpus, memory_mb],
    [201, "running", "tools", 2, 256],
    JSON.stringify(clone.body),
  );
  const asked = team.peer.agent.creates.at(-1);
  assert.deepEqual(
    [asked?.template, asked?.snapshotId, asked?.vcpus, asked?.memoryMb, asked?.timeoutSec],
    ["tools", made.body.id, 2, 256, 7],
  );
  assert.equal(team.peer.agent.creates[0]?.snapshotId, "", "a base image has none");
});

test("S4: eight sandboxes at once from one snapshot, all on the host that holds it", async () => {
  await using team = await teamWithHosts(plane, 3);
  const { key } = team.member;
  const id = await team.create({ memory_mb: 128 });
  const host = (await api.get(`/v1/sandboxes/${id}`, { key })).body.host_id;
  await snapshot(team, { sandbox_id: id, name: "tools" });
  const clones = await Promise.all(
    Array.from({ length: 8 }, () => api.post("/v1/sandboxes", { key, json: { template: "tools" } })),
  );
  assert.deepEqual(
    clones.map(({ status, body }) => [status, body.host_id]),
    Array(8).fill([201, host]),
  );
});

test("S4: where no host that holds the snapshot is online, 503 no_capacity says so", async () => {
  await using team = await teamWithHosts(plane, 2);
  const { key } = team.member;
  const id = await team.create();
  const { host_id } = (await api.get(`/v1/sandboxes/${id}`, { key })).body;
  await snapshot(team, { sandbox_id: id, name: "tools" });
  await db.updateTable("hosts").set({ status: "offline" }).where("id", "=", host_id).execute();
  const answer = await api.post("/v1/sandboxes", { key, json: { template: "tools" } });
  assert.deepEqual([answer.status, answer.body.error.code], [503, "no_capacity"]);
  assert.match(answer.body.error.message, /No host that holds the snapshot “tools” is online/);
});
