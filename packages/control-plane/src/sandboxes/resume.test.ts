import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { RoostError } from "@roost/protocol/errors";
import { ResumeMode, SandboxState } from "@roost/protocol/hostagent";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { type TeamWithHosts, teamWithHosts } from "../testing/team.ts";
import { announced, until } from "../testing/until.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api } = plane;

const resume = (id: string, key: string, json?: object) => api.post(`/v1/sandboxes/${id}/resume`, { key, json });
const show = async (id: string, key: string) => (await api.get(`/v1/sandboxes/${id}`, { key })).body;

async function pausedIn(team: TeamWithHosts): Promise<string> {
  const id = await team.create();
  assert.equal((await api.post(`/v1/sandboxes/${id}/pause`, { key: team.member.key })).status, 200);
  return id;
}

async function failedIn(team: TeamWithHosts): Promise<string> {
  const id = await team.create();
  team.peer.agent.setState(id, SandboxState.ERROR, "The VMM was killed by signal 9.");
  await team.peer.heartbeat();
  await until("its death is known", async () => (await show(id, team.member.key)).status === "error");
  return id;
}

test("S2: a paused sandbox resumes on the host that holds it, with a new address", async () => {
  await using team = await teamWithHosts(plane, 3);
  const { key } = team.member;
  const id = await pausedIn(team);
  const host = (await show(id, key)).host_id;
  // The other hosts' turns come and go meanwhile.
  for (let made = 0; made < 2; made++) await team.create();
  const resumed = await resume(id, key);
  const { status, host_id, guest_ip } = resumed.body;
  assert.deepEqual([resumed.status, status, host_id, guest_ip], [200, "running", host, "10.213.0.7"]);
  const exec = await api.post(`/v1/sandboxes/${id}/exec`, { key, json: { cmd: "echo", args: ["back"] } });
  assert.equal(exec.body.stdout, "back\n");
});

test("S2: from memory unless the disk is asked for; what is neither is 400", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await pausedIn(team);
  for (const bad of [{ mode: "swap" }, { from: "first" }, { modus: "disk" }]) {
    assert.equal((await resume(id, key, bad)).status, 400);
  }
  for (const json of [undefined, {}, { mode: "memory" }, { mode: "disk", from: "last" }]) {
    assert.equal((await resume(id, key, json)).status, 200);
    await api.post(`/v1/sandboxes/${id}/pause`, { key });
  }
  const { MEMORY, DISK } = ResumeMode;
  assert.deepEqual(
    team.peer.agent.resumes.map(({ mode }) => mode),
    [MEMORY, MEMORY, MEMORY, DISK],
  );
});

test("S10: a sandbox in error resumes, and its reason is gone", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await failedIn(team);
  const resumed = await resume(id, key, { mode: "disk" });
  assert.deepEqual([resumed.status, resumed.body.status, resumed.body.error], [200, "running", undefined]);
});

test("resuming what runs, boots or is destroyed is 409 not_paused", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create();
  const running = await resume(id, key);
  assert.deepEqual([running.status, running.body.error.code], [409, "not_paused"]);
  assert.match(running.body.error.message, /is running/);
  await api.delete(`/v1/sandboxes/${id}`, { key });
  const stopped = await resume(id, key);
  assert.deepEqual([stopped.status, stopped.body.error.code], [409, "not_paused"]);
  assert.ok(!team.peer.agent.calls.includes("resumeSandbox"));
});

test("S9: a sandbox that its host has just paused by itself resumes at once, before any heartbeat", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create({ timeout_sec: 1 });
  team.peer.agent.setState(id, SandboxState.PAUSED);
  const resumed = await resume(id, key);
  assert.deepEqual([resumed.status, resumed.body.status, resumed.body.guest_ip], [200, "running", "10.213.0.7"]);
});

test("of two resumes at once one wins, the other is 409; so is a pause during a resume", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { agent } = team.peer;
  const id = await pausedIn(team);
  const othersAnswered = Promise.withResolvers<void>();
  const asked = announced(agent, "resumeSandbox");
  agent.before("resumeSandbox", () => othersAnswered.promise);
  const first = resume(id, key);
  await asked;
  assert.equal((await show(id, key)).status, "resuming");
  for (const other of [await resume(id, key), await api.post(`/v1/sandboxes/${id}/pause`, { key })]) {
    assert.deepEqual([other.status, other.body.error.code], [409, "conflict"]);
  }
  othersAnswered.resolve();
  assert.equal((await first).status, 200);
});

test("S1: a sandbox that resumes takes memory of its host before it runs", async () => {
  await using team = await teamWithHosts(plane, 1, 1024);
  const { key } = team.member;
  const { agent } = team.peer;
  const id = await pausedIn(team);
  const looked = Promise.withResolvers<void>();
  const asked = announced(agent, "resumeSandbox");
  agent.before("resumeSandbox", () => looked.promise);
  const resuming = resume(id, key);
  await asked;
  assert.equal((await api.post("/v1/sandboxes", { key, json: { memory_mb: 768 } })).status, 503);
  looked.resolve();
  assert.equal((await resuming).status, 200);
});

test("a sandbox that is destroyed while it resumes is destroyed, and its resume says so", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { agent } = team.peer;
  const id = await pausedIn(team);
  const destroyed = Promise.withResolvers<void>();
  const asked = announced(agent, "resumeSandbox");
  agent.before("resumeSandbox", () => destroyed.promise);
  const resuming = resume(id, key);
  await asked;
  assert.equal((await api.delete(`/v1/sandboxes/${id}`, { key })).status, 204);
  destroyed.resolve();
  assert.deepEqual([(await resuming).status, (await show(id, key)).status], [409, "stopped"]);
  assert.equal(agent.sandboxes.size, 0);
});

test("a paused sandbox, and one in error, can be destroyed", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  for (const id of [await pausedIn(team), await failedIn(team)]) {
    assert.equal((await api.delete(`/v1/sandboxes/${id}`, { key })).status, 204);
    assert.equal((await show(id, key)).status, "stopped");
  }
  assert.equal(team.peer.agent.sandboxes.size, 0);
});

test("a resume that fails says why, and the sandbox is as it was, paused or in error with its reason", async (t) => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { agent } = team.peer;
  const paused = await pausedIn(team);
  const failed = await failedIn(team);
  const cases: [string, Error, number, string][] = [
    ["no room", new RoostError("no_capacity", "No memory is left here."), 503, "no_capacity"],
    ["the host changes it itself", new RoostError("conflict", "It is being cleaned up."), 409, "conflict"],
    ["the host cannot restore it", new RoostError("host_failed", "Layer 3 has a bad checksum."), 502, "host_failed"],
    ["the connection breaks", new ConnectError("gone", Code.Unavailable), 503, "host_unavailable"],
  ];
  for (const [name, error, status, code] of cases) {
    await t.test(name, async () => {
      agent.before("resumeSandbox", () => {
        throw error;
      });
      for (const id of [paused, failed]) {
        const answer = await resume(id, key);
        assert.deepEqual([answer.status, answer.body.error.code], [status, code]);
      }
      assert.deepEqual([(await show(paused, key)).status, (await show(paused, key)).error], ["paused", undefined]);
      const { status: is, error: reason } = await show(failed, key);
      assert.deepEqual([is, reason], ["error", "The VMM was killed by signal 9."]);
    });
  }
  agent.before("resumeSandbox", undefined);
  for (const id of [paused, failed]) assert.equal((await resume(id, key)).status, 200);
});

test("a resume of which only the answer was lost has succeeded", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await pausedIn(team);
  team.peer.agent.after("resumeSandbox", () => {
    throw new ConnectError("gone", Code.Unavailable);
  });
  const answer = await resume(id, key);
  assert.deepEqual([answer.status, answer.body.status, answer.body.guest_ip], [200, "running", "10.213.0.7"]);
});

test("a resume on a host that is silent is 503, and the sandbox is as it was", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const paused = await pausedIn(team);
  const failed = await failedIn(team);
  await team.peer.goSilent();
  for (const id of [paused, failed]) {
    const answer = await resume(id, key);
    assert.deepEqual([answer.status, answer.body.error.code], [503, "host_unavailable"]);
  }
  assert.equal((await show(paused, key)).status, "paused");
  const { status, error } = await show(failed, key);
  assert.deepEqual([status, error], ["error", "The VMM was killed by signal 9."]);
});

test("what its host has lost turns error when it is resumed, and can be destroyed", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await pausedIn(team);
  team.peer.agent.sandboxes.delete(id);
  assert.equal((await resume(id, key)).status, 409);
  const { status, error } = await show(id, key);
  assert.deepEqual([status, error], ["error", "Its host does not have it any more."]);
  assert.equal((await api.delete(`/v1/sandboxes/${id}`, { key })).status, 204);
});
