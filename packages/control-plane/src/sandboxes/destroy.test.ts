import assert from "node:assert/strict";
import { after, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";
import { until } from "../testing/until.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api } = plane;

test("R1: a destroyed sandbox is gone from its host, and stopped", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create();
  assert.equal((await api.delete(`/v1/sandboxes/${id}`, { key })).status, 204);
  assert.equal(team.peer.agent.sandboxes.size, 0);
  const shown = await api.get(`/v1/sandboxes/${id}`, { key });
  assert.deepEqual([shown.body.status, shown.body.guest_ip], ["stopped", null]);
});

test("R1: destroying again, also at the same moment, is answered the same", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create();
  const answers = await Promise.all([1, 2, 3].map(() => api.delete(`/v1/sandboxes/${id}`, { key })));
  answers.push(await api.delete(`/v1/sandboxes/${id}`, { key }));
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [204, 204, 204, 204],
  );
});

test("A2: another team's sandbox, an unknown one and no id at all are equally not there", async () => {
  await using team = await teamWithHosts(plane);
  const stranger = await plane.newMember();
  const id = await team.create();
  const names = [id, "sb-aaaaaaaaaaaaaaaaaaaa", "nonsense", "%00", "sb-AAAAAAAAAAAAAAAAAAAA"];
  const answers = await Promise.all(names.map((name) => api.delete(`/v1/sandboxes/${name}`, { key: stranger.key })));
  assert.deepEqual(
    answers.map((answer) => [answer.status, answer.body.error.code]),
    names.map(() => [404, "not_found"]),
  );
  assert.equal((await api.get(`/v1/sandboxes/${id}`, { key: team.member.key })).body.status, "running");
});

test("R1: destroy on a silent host is accepted, and carried out when the host is back", async () => {
  await using team = await teamWithHosts(plane);
  const { member, peer } = team;
  const id = await team.create();
  peer.agent.before("destroySandbox", () => {
    throw new Error("not now");
  });
  assert.equal((await api.delete(`/v1/sandboxes/${id}`, { key: member.key })).status, 204);
  const status = async () => (await api.get(`/v1/sandboxes/${id}`, { key: member.key })).body.status;
  assert.equal(await status(), "stopping");
  peer.agent.before("destroySandbox", undefined);
  assert.equal((await peer.heartbeat()).status, 204);
  await until("it is stopped", async () => (await status()) === "stopped");
  assert.equal(peer.agent.sandboxes.size, 0);
});

test("R1: a sandbox whose machine died can be destroyed", async () => {
  await using team = await teamWithHosts(plane);
  const { member, peer } = team;
  const id = await team.create();
  const { SandboxState } = await import("@roost/protocol/hostagent");
  peer.agent.setState(id, SandboxState.ERROR, "The VMM was killed by signal 9.");
  await peer.heartbeat();
  const shown = async () => (await api.get(`/v1/sandboxes/${id}`, { key: member.key })).body;
  await until("its death is known", async () => (await shown()).status === "error");
  assert.equal((await shown()).error, "The VMM was killed by signal 9.");
  assert.equal((await api.delete(`/v1/sandboxes/${id}`, { key: member.key })).status, 204);
  assert.equal((await api.get(`/v1/sandboxes/${id}`, { key: member.key })).body.status, "stopped");
});

test("R1: destroy is not refused by a host that fails at it", async () => {
  await using team = await teamWithHosts(plane);
  const { member, peer } = team;
  const id = await team.create();
  peer.agent.refuse("destroySandbox", new RoostError("internal", "The disk is busy."));
  assert.equal((await api.delete(`/v1/sandboxes/${id}`, { key: member.key })).status, 204);
  assert.equal((await api.get(`/v1/sandboxes/${id}`, { key: member.key })).body.status, "stopping");
});
