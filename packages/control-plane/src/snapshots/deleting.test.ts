import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { newId } from "@roost/protocol/ids";
import { Sandboxes, type SandboxParts } from "../sandboxes/sandboxes.ts";
import { TeamLimits } from "../teams/limits.ts";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { worldBeside } from "../testing/injected-faults.ts";
import { type TeamWithHosts, teamWithHosts } from "../testing/team.ts";
import { Snapshots } from "./snapshots.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

async function snapshotIn(team: TeamWithHosts, name: string): Promise<string> {
  const json = { sandbox_id: await team.create(), name };
  const made = await api.post("/v1/snapshots", { key: team.member.key, json });
  assert.equal(made.status, 201);
  return made.body.id;
}

/** A process beside the plane hears of these hosts. Resolves, when it has done what it does then, to how often it called one. */
async function hearOf(team: TeamWithHosts, sweepIntervalMs = 0, times = 1): Promise<number> {
  using world = await worldBeside(plane);
  let called = 0;
  const clients: SandboxParts["clients"] = {
    get(host) {
      called++;
      return world.parts.clients.get(host);
    },
  };
  const sandboxes = new Sandboxes(world.parts);
  const limits = new TeamLimits(plane.config.teamLimits);
  const snapshots = new Snapshots({ ...world.parts, clients, sandboxes, limits, sweepIntervalMs });
  for (let heard = 0; heard < times; heard++) {
    for (const peer of team.peers) snapshots.hostIsThere(peer.id);
    await world.background.settled();
  }
  return called;
}

test("H8: a deleted snapshot is gone from every host that is online, and its name is free", async () => {
  await using team = await teamWithHosts(plane, 3);
  const { key } = team.member;
  const id = await snapshotIn(team, "tools");
  // As it will be when layers move between hosts.
  for (const { agent } of team.peers) agent.plantSnapshot(id);
  assert.equal((await api.delete("/v1/snapshots/tools", { key })).status, 204);
  assert.deepEqual(
    team.peers.map((peer) => peer.agent.snapshots.size),
    [0, 0, 0],
  );
  assert.equal((await api.delete("/v1/snapshots/tools", { key })).status, 404);
  assert.equal((await api.post("/v1/sandboxes", { key, json: { template: "tools" } })).status, 404);
  await snapshotIn(team, "tools");
});

test("S4: deleting a snapshot touches no sandbox that was made from it", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  await snapshotIn(team, "tools");
  const id = await team.create({ template: "tools" });
  assert.equal((await api.delete("/v1/snapshots/tools", { key })).status, 204);
  const { status, template } = (await api.get(`/v1/sandboxes/${id}`, { key })).body;
  assert.deepEqual([status, template], ["running", "tools"]);
  assert.equal((await api.post(`/v1/sandboxes/${id}/pause`, { key })).status, 200);
  assert.equal((await api.post(`/v1/sandboxes/${id}/resume`, { key })).status, 200);
});

test("S6: a base image is not deleted: 403; what there is not: 404; what is no name, too", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const base = await api.delete("/v1/snapshots/minimal", { key });
  assert.deepEqual([base.status, base.body.error.code], [403, "forbidden"]);
  for (const name of ["none", "..%2Fx", "%00", "A"]) {
    assert.equal((await api.delete(`/v1/snapshots/${name}`, { key })).status, 404, name);
  }
  assert.equal((await api.get("/v1/snapshots?type=base", { key })).body.length, 1);
});

test("H8: a host that fails at it does not keep the name, and is told again when it is heard of", async () => {
  await using team = await teamWithHosts(plane);
  const { agent } = team.peer;
  const id = await snapshotIn(team, "tools");
  agent.plantSnapshot(id, minutesAgo(6));
  agent.before("deleteSnapshot", () => {
    throw new Error("not now");
  });
  assert.equal((await api.delete("/v1/snapshots/tools", { key: team.member.key })).status, 204);
  assert.ok(agent.snapshots.has(id));
  agent.before("deleteSnapshot", undefined);
  await hearOf(team);
  assert.equal(agent.snapshots.size, 0);
});

test("H8: of what a host has, the unknown that is older than five minutes is deleted; the known and the young stay", async () => {
  await using team = await teamWithHosts(plane);
  const { agent } = team.peer;
  const known = await snapshotIn(team, "tools");
  agent.plantSnapshot(known, minutesAgo(60));
  const [old, young] = [newId("template", randomBytes), newId("template", randomBytes)];
  agent.plantSnapshot(old, minutesAgo(6));
  agent.plantSnapshot(young, minutesAgo(4));
  await hearOf(team);
  assert.deepEqual(new Set(agent.snapshots.keys()), new Set([known, young]));
});

test("a host is asked for its snapshots now and then, not at every heartbeat", async () => {
  await using team = await teamWithHosts(plane);
  assert.equal(await hearOf(team, 60_000, 3), 1);
  assert.equal(await hearOf(team, 0, 3), 3);
});

test("a snapshot's row goes with neither its sandbox nor its team's other snapshots, its place with its host", async () => {
  await using team = await teamWithHosts(plane);
  const { key, session } = team.member;
  await snapshotIn(team, "tools");
  const forced = await api.delete(`/v1/hosts/${team.peer.id}?force=true`, { session });
  assert.equal(forced.status, 204);
  const listed = await api.get("/v1/snapshots?type=snapshot", { key });
  assert.equal(listed.body.length, 1);
  const places = await db.selectFrom("template_hosts").where("host_id", "=", team.peer.id).selectAll().execute();
  assert.deepEqual(places, []);
  assert.equal((await api.post("/v1/sandboxes", { key, json: { template: "tools" } })).status, 503);
  assert.equal((await api.delete("/v1/snapshots/tools", { key })).status, 204);
});
