import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { RoostError } from "@roost/protocol/errors";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { type TeamWithHosts, teamWithHosts } from "../testing/team.ts";
import { announced } from "../testing/until.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

function snapshot(team: TeamWithHosts, json: object, query = "", headers: Record<string, string> = {}) {
  return api.post(`/v1/snapshots${query}`, { key: team.member.key, json, headers });
}

const statusOf = async (team: TeamWithHosts, id: string) =>
  (await api.get(`/v1/sandboxes/${id}`, { key: team.member.key })).body.status;

async function namesOf(team: TeamWithHosts, query = ""): Promise<string[]> {
  const listed = await api.get(`/v1/snapshots${query}`, { key: team.member.key });
  return listed.body.map((template: { name: string }) => template.name);
}

test("S4 S6: a snapshot has the sandbox's vCPUs and memory, and the size that its host tells", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create({ vcpus: 2, memory_mb: 256 });
  const made = await snapshot(team, { sandbox_id: id, name: "tools" });
  assert.equal(made.status, 201);
  const { id: templateId, created_at, ...rest } = made.body;
  assert.match(templateId, /^tpl-/);
  assert.ok(Date.parse(created_at));
  assert.deepEqual(rest, {
    name: "tools",
    type: "snapshot",
    team_id: team.member.teamId,
    vcpus: 2,
    memory_mb: 256,
    size_bytes: 12_288,
  });
  assert.deepEqual([...team.peer.agent.snapshots.keys()], [templateId]);
  assert.deepEqual((await api.get("/v1/snapshots?type=snapshot", { key: team.member.key })).body, [made.body]);
});

test("S4: the sandbox stays: paused, or running if that is asked, whatever it was", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  const steps: [object, string][] = [
    [{ leave: "running" }, "running"],
    [{}, "paused"],
    [{ leave: "paused" }, "paused"],
    [{ leave: "running" }, "running"],
  ];
  for (const [more, becomes] of steps) {
    assert.equal((await snapshot(team, { sandbox_id: id, ...more })).status, 201);
    assert.equal(await statusOf(team, id), becomes);
  }
});

test("S4: a name is made up when none is given", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  const names = [];
  for (let made = 0; made < 2; made++) names.push((await snapshot(team, { sandbox_id: id })).body.name);
  for (const name of names) assert.match(name, /^snap-[a-z2-7]{8}$/);
  assert.notEqual(names[0], names[1]);
  assert.equal((await api.post("/v1/sandboxes", { key: team.member.key, json: { template: names[0] } })).status, 201);
});

test("S6: a name that is taken is 409, before anything is done to the sandbox; so is a base image's", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  assert.equal((await snapshot(team, { sandbox_id: id, name: "tools", leave: "running" })).status, 201);
  const asked = team.peer.agent.calls.length;
  for (const [name, query] of [
    ["tools", ""],
    ["tools", "?overwrite=false"],
    ["minimal", ""],
    ["minimal", "?overwrite=true"],
  ] as const) {
    const refused = await snapshot(team, { sandbox_id: id, name }, query);
    assert.deepEqual([refused.status, refused.body.error.code], [409, "conflict"], name + query);
  }
  assert.equal(team.peer.agent.calls.length, asked);
  assert.equal(await statusOf(team, id), "running");
});

test("S6: of two that want one name at once one gets it, and the other leaves nothing on the host", async () => {
  await using team = await teamWithHosts(plane);
  const ids = [await team.create(), await team.create()];
  const bothAsked = Promise.withResolvers<void>();
  let asked = 0;
  team.peer.agent.before("createSnapshot", () => {
    if (++asked === 2) bothAsked.resolve();
    return bothAsked.promise;
  });
  const answers = await Promise.all(ids.map((id) => snapshot(team, { sandbox_id: id, name: "same" })));
  assert.deepEqual(answers.map((answer) => answer.status).toSorted(), [201, 409]);
  const won = answers.find((answer) => answer.status === 201);
  assert.deepEqual([...team.peer.agent.snapshots.keys()], [won?.body.id]);
});

test("S6: overwrite replaces the old one, which stays until the new one is whole", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { agent } = team.peer;
  const id = await team.create();
  const first = await snapshot(team, { sandbox_id: id, name: "tools", leave: "running" });
  agent.refuse("createSnapshot", new RoostError("disk_full", "No space is left."));
  assert.equal((await snapshot(team, { sandbox_id: id, name: "tools" }, "?overwrite=true")).status, 507);
  assert.deepEqual((await api.get("/v1/snapshots?type=snapshot", { key })).body, [first.body]);

  const usedMeanwhile = Promise.withResolvers<void>();
  const asked = announced(agent, "createSnapshot");
  agent.before("createSnapshot", () => usedMeanwhile.promise);
  const replacing = snapshot(team, { sandbox_id: id, name: "tools" }, "?overwrite=true");
  await asked;
  assert.equal((await api.post("/v1/sandboxes", { key, json: { template: "tools" } })).status, 201);
  assert.equal(agent.creates.at(-1)?.snapshotId, first.body.id);
  usedMeanwhile.resolve();
  const second = await replacing;
  assert.equal(second.status, 201);
  assert.notEqual(second.body.id, first.body.id);
  assert.deepEqual([...agent.snapshots.keys()], [second.body.id]);
  assert.deepEqual((await api.get("/v1/snapshots?type=snapshot", { key })).body, [second.body]);
});

test("S6: replacements at the same moment all succeed, and one snapshot stays", async () => {
  await using team = await teamWithHosts(plane);
  const ids = await Promise.all([1, 2, 3, 4].map(() => team.create()));
  const answers = await Promise.all(
    ids.map((id) => snapshot(team, { sandbox_id: id, name: "tools" }, "?overwrite=true")),
  );
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [201, 201, 201, 201],
  );
  assert.deepEqual(await namesOf(team, "?type=snapshot"), ["tools"]);
  assert.equal(team.peer.agent.snapshots.size, 1);
});

test("S6: bad input is 400, a sandbox that is not there 404, one that neither runs nor is paused 409", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  for (const json of [
    {},
    { sandbox_id: "nonsense" },
    { sandbox_id: id, name: "Ä" },
    { sandbox_id: id, name: "-x" },
    { sandbox_id: id, name: "x".repeat(64) },
    { sandbox_id: id, leave: "stopped" },
    { sandbox_id: id, nom: "x" },
  ]) {
    assert.equal((await snapshot(team, json)).status, 400, JSON.stringify(json));
  }
  assert.equal((await snapshot(team, { sandbox_id: id }, "?overwrite=perhaps")).status, 400);
  assert.equal((await snapshot(team, { sandbox_id: id }, "?override=true")).status, 400);
  assert.equal((await snapshot(team, { sandbox_id: "sb-aaaaaaaaaaaaaaaaaaaa" })).status, 404);
  await db.updateTable("sandboxes").set({ status: "error" }).where("id", "=", id).execute();
  const refused = await snapshot(team, { sandbox_id: id });
  assert.deepEqual([refused.status, refused.body.error.code], [409, "not_running"]);
  assert.deepEqual(await namesOf(team, "?type=snapshot"), []);
});

test("S6: a snapshot that fails on its host says why, leaves no name, and the sandbox is what its host says", async (t) => {
  await using team = await teamWithHosts(plane);
  const { agent } = team.peer;
  const id = await team.create();
  const cases: [string, Error, number][] = [
    ["the disk is full", new RoostError("disk_full", "No space is left."), 507],
    ["the host fails", new RoostError("internal", "The VMM did not stop."), 502],
    ["the connection breaks", new ConnectError("gone", Code.Unavailable), 503],
  ];
  for (const [name, error, status] of cases) {
    await t.test(name, async () => {
      agent.before("createSnapshot", () => {
        throw error;
      });
      assert.equal((await snapshot(team, { sandbox_id: id, name: "tools" })).status, status);
      assert.equal(await statusOf(team, id), "running");
    });
  }
  agent.before("createSnapshot", undefined);
  // Paused for the snapshot, which then could not be answered.
  agent.after("createSnapshot", () => {
    throw new ConnectError("gone", Code.Unavailable);
  });
  assert.equal((await snapshot(team, { sandbox_id: id, name: "tools" })).status, 503);
  assert.equal(await statusOf(team, id), "paused");
  assert.deepEqual(await namesOf(team, "?type=snapshot"), []);
});

test("a sandbox that is destroyed while a snapshot is made of it is destroyed, and the snapshot has no name", async () => {
  await using team = await teamWithHosts(plane);
  const { agent } = team.peer;
  const id = await team.create();
  const destroyed = Promise.withResolvers<void>();
  const asked = announced(agent, "createSnapshot");
  agent.before("createSnapshot", () => destroyed.promise);
  const making = snapshot(team, { sandbox_id: id, name: "tools" });
  await asked;
  assert.equal((await api.delete(`/v1/sandboxes/${id}`, { key: team.member.key })).status, 204);
  destroyed.resolve();
  assert.equal((await making).status, 409);
  assert.equal(await statusOf(team, id), "stopped");
  assert.deepEqual(await namesOf(team, "?type=snapshot"), []);
});

test("R1: the same Idempotency-Key makes one snapshot, also when the first answer was lost", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  const keyed = { "idempotency-key": "once" };
  const json = { sandbox_id: id, name: "tools" };
  const first = await snapshot(team, json, "", keyed);
  assert.equal(first.status, 201);
  assert.deepEqual((await snapshot(team, json, "", keyed)).body, first.body);
  assert.equal((await snapshot(team, json, "?overwrite=true", keyed)).status, 409, "another request");
  await db
    .updateTable("idempotency_keys")
    .set({ status: null, answer: null })
    .where("team_id", "=", team.member.teamId)
    .where("key", "=", "once")
    .execute();
  const found = await snapshot(team, json, "", keyed);
  assert.deepEqual([found.status, found.body], [201, first.body]);
  assert.equal(team.peer.agent.snapshots.size, 1);
});

test("R1: a snapshot that is still being made is not begun again by its key, however long it takes", async () => {
  await using team = await teamWithHosts(plane);
  const { agent } = team.peer;
  const id = await team.create();
  const asked = announced(agent, "createSnapshot");
  const askedAgain = Promise.withResolvers<void>();
  agent.before("createSnapshot", () => askedAgain.promise);
  const keyed = { "idempotency-key": "slow" };
  const first = snapshot(team, { sandbox_id: id }, "", keyed);
  await asked;
  await db
    .updateTable("idempotency_keys")
    .set({ started_at: new Date(0) })
    .where("key", "=", "slow")
    .execute();
  assert.equal((await snapshot(team, { sandbox_id: id }, "", keyed)).status, 409);
  askedAgain.resolve();
  const made = await first;
  assert.equal(made.status, 201);
  assert.deepEqual((await snapshot(team, { sandbox_id: id }, "", keyed)).body, made.body);
  assert.equal(agent.calls.filter((call) => call === "createSnapshot").length, 1);
});
