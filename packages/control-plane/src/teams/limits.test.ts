import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";
import { type Amounts, setTeamLimits } from "./limits.ts";

const plane = await startTestControlPlane({
  ROOST_TEAM_MAX_SANDBOXES: "4",
  ROOST_TEAM_MAX_VCPUS: "3",
  ROOST_TEAM_MAX_MEMORY_MB: "0",
  ROOST_TEAM_MAX_SNAPSHOTS: "2",
});
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

async function limited(limits: Partial<Amounts> = {}) {
  const team = await teamWithHosts(plane);
  if (Object.keys(limits).length > 0) await setTeamLimits(db, team.member.teamId, limits);
  const { key } = team.member;
  return {
    team,
    key,
    create: (json: object = {}) => api.post("/v1/sandboxes", { key, json }),
    step: (id: string, step: string) => api.post(`/v1/sandboxes/${id}/${step}`, { key }),
    snapshot: (json: object, query = "") => api.post(`/v1/snapshots${query}`, { key, json }),
    usage: async () => (await api.get("/v1/limits", { key })).body,
    [Symbol.asyncDispose]: () => team[Symbol.asyncDispose](),
  };
}

function refused(
  { status, body }: { status: number; body: { error?: { code: string; message: string } } },
  words: RegExp,
) {
  assert.deepEqual([status, body.error?.code], [409, "limit_reached"]);
  assert.match(body.error?.message ?? "", words);
}

test("a team has so many vCPUs at work as it may; paused sandboxes have none, and wake only when there is room", async () => {
  await using at = await limited();
  const first = await at.create({ vcpus: 2 });
  assert.equal(first.status, 201);
  refused(await at.create({ vcpus: 2 }), /would have 4 vCPUs in running sandboxes; it may have 3\. Pause or destroy/);
  assert.equal((await at.step(first.body.id, "pause")).status, 200);
  const second = await at.create({ vcpus: 3 });
  assert.equal(second.status, 201);
  refused(await at.step(first.body.id, "resume"), /would have 5 vCPUs/);
  assert.equal((await api.get(`/v1/sandboxes/${first.body.id}`, { key: at.key })).body.status, "paused");
  assert.deepEqual(await at.usage(), {
    sandboxes: { used: 2, limit: 4 },
    vcpus: { used: 3, limit: 3 },
    memory_mb: { used: 512, limit: null },
    snapshots: { used: 0, limit: 2 },
    disk_mb: { used: 0, limit: 1_048_576 },
  });
  await api.delete(`/v1/sandboxes/${second.body.id}`, { key: at.key });
  assert.equal((await at.step(first.body.id, "resume")).status, 200);
});

test("of many who ask at the same moment as many get one as may, and destroyed ones do not count", async () => {
  await using at = await limited({ vcpus: 0 });
  const answers = await Promise.all(Array.from({ length: 8 }, () => at.create()));
  const made = answers.filter(({ status }) => status === 201);
  assert.equal(made.length, 4);
  for (const answer of answers)
    if (answer.status !== 201) refused(answer, /would have 5 sandboxes, paused ones included/);
  await api.delete(`/v1/sandboxes/${made[0]?.body.id}`, { key: at.key });
  assert.equal((await at.create()).status, 201);
});

test("of many that wake at the same moment as many do as may", async () => {
  await using at = await limited({ vcpus: 0, memory_mb: 1024 });
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) {
    const id = (await at.create()).body.id;
    await at.step(id, "pause");
    ids.push(id);
  }
  const woken = await Promise.all(ids.map((id) => at.step(id, "resume")));
  assert.deepEqual(woken.map(({ status }) => status).toSorted(), [200, 200, 409]);
  refused(woken.find(({ status }) => status === 409) ?? assert.fail(), /1536 MiB of memory/);
});

test("a team has so many snapshots, and so much of them on disks, as it may; replacing one is no more", async () => {
  await using at = await limited();
  const sandbox_id = await at.team.create();
  const made = await Promise.all(
    [1, 2, 3].map(async (n) => {
      const id = (await at.create()).body.id;
      return id && at.snapshot({ sandbox_id: id, name: `s${n}` });
    }),
  );
  const kept = made.filter((answer) => answer?.status === 201).length;
  assert.equal(kept, 2);
  refused(await at.snapshot({ sandbox_id, name: "more" }), /would have 3 snapshots; it may have 2\. Delete/);
  const name = (await api.get("/v1/snapshots?type=snapshot", { key: at.key })).body[0].name;
  assert.equal((await at.snapshot({ sandbox_id, name }, "?overwrite=true")).status, 201);
  await setTeamLimits(db, at.team.member.teamId, { snapshots: 0, disk_mb: 1 });
  refused(await at.snapshot({ sandbox_id, name: "large" }), /MiB of snapshots; it may have 1/);
});

test("what one team has is nothing to another, and a limit of its own can be taken back", async () => {
  await using one = await limited({ sandboxes: 1 });
  await using other = await limited();
  assert.equal((await one.create()).status, 201);
  refused(await one.create(), /2 sandboxes/);
  assert.equal((await other.create()).status, 201);
  await setTeamLimits(db, one.team.member.teamId, { sandboxes: null });
  assert.equal((await one.create()).status, 201);
  await assert.rejects(setTeamLimits(db, "team-aaaaaaaaaaaaaaaaaaaa", {}), /no such team/);
});
