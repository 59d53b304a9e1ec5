import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { RoostError } from "@roost/protocol/errors";
import { SandboxState } from "@roost/protocol/hostagent";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";
import { announced, until } from "../testing/until.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

const pause = (id: string, key: string) => api.post(`/v1/sandboxes/${id}/pause`, { key });
const resume = (id: string, key: string) => api.post(`/v1/sandboxes/${id}/resume`, { key });
const show = async (id: string, key: string) => (await api.get(`/v1/sandboxes/${id}`, { key })).body;

test("S1: a paused sandbox is paused on its host, has no address, and is listed", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create();
  const paused = await pause(id, key);
  const { status, guest_ip, host_id } = paused.body;
  assert.deepEqual([paused.status, status, guest_ip, host_id], [200, "paused", null, team.peer.id]);
  assert.equal(team.peer.agent.sandboxes.get(id)?.state, SandboxState.PAUSED);
  const listed = await api.get("/v1/sandboxes?status=paused", { key });
  assert.deepEqual(
    listed.body.map((sandbox: { id: string }) => sandbox.id),
    [id],
  );
});

test("S1: a paused sandbox takes no memory of its host: another one finds room", async () => {
  await using team = await teamWithHosts(plane, 1, 1024);
  const { key } = team.member;
  const id = await team.create({ memory_mb: 768 });
  const refused = await api.post("/v1/sandboxes", { key, json: { memory_mb: 768 } });
  assert.equal(refused.status, 503);
  await pause(id, key);
  await team.create({ memory_mb: 768 });
});

test("a paused sandbox takes no commands, files or pings: 409 not_running, and its host is not asked", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create();
  await pause(id, key);
  const asked = team.peer.agent.calls.length;
  const form = new FormData();
  form.set("path", "/x");
  form.set("file", new Blob(["x"]));
  for (const [route, body] of [
    ["exec", { json: { cmd: "echo" } }],
    ["files/read", { json: { path: "/x" } }],
    ["files/write", { body: form }],
    ["ping", {}],
    ["pause", {}],
  ] as const) {
    const answer = await api.post(`/v1/sandboxes/${id}/${route}`, { key, ...body });
    assert.deepEqual([answer.status, answer.body.error.code], [409, "not_running"], route);
    assert.match(answer.body.error.message, /is paused/, route);
  }
  assert.equal(team.peer.agent.calls.length, asked);
});

test("of two pauses at once one wins, the other is 409; so is a resume during a pause", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { agent } = team.peer;
  const id = await team.create();
  const othersAnswered = Promise.withResolvers<void>();
  const asked = announced(agent, "pauseSandbox");
  agent.before("pauseSandbox", () => othersAnswered.promise);
  const first = pause(id, key);
  await asked;
  assert.equal((await show(id, key)).status, "pausing");
  for (const other of [await pause(id, key), await resume(id, key)]) {
    assert.deepEqual([other.status, other.body.error.code], [409, "conflict"]);
    assert.match(other.body.error.message, /is pausing already/);
  }
  const snapshot = await api.post("/v1/snapshots", { key, json: { sandbox_id: id } });
  assert.deepEqual([snapshot.status, snapshot.body.error.code], [409, "conflict"]);
  othersAnswered.resolve();
  assert.equal((await first).status, 200);
  assert.equal(agent.calls.filter((call) => call === "pauseSandbox").length, 1);
});

test("eight pauses at the same moment: one is carried out, seven are 409", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create();
  const answers = await Promise.all(Array.from({ length: 8 }, () => pause(id, key)));
  assert.deepEqual(answers.map((answer) => answer.status).toSorted(), [200, ...Array(7).fill(409)]);
  assert.equal(team.peer.agent.calls.filter((call) => call === "pauseSandbox").length, 1);
});

test("a sandbox that is destroyed while it pauses is destroyed, and its pause says so", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { agent } = team.peer;
  const id = await team.create();
  const destroyed = Promise.withResolvers<void>();
  const asked = announced(agent, "pauseSandbox");
  agent.before("pauseSandbox", () => destroyed.promise);
  const pausing = pause(id, key);
  await asked;
  assert.equal((await api.delete(`/v1/sandboxes/${id}`, { key })).status, 204);
  destroyed.resolve();
  const paused = await pausing;
  assert.deepEqual([paused.status, paused.body.error.code], [409, "conflict"]);
  assert.equal((await show(id, key)).status, "stopped");
  assert.equal(agent.sandboxes.size, 0);
});

test("A2: another team's sandbox, an unknown one and no id at all are equally not there", async () => {
  await using team = await teamWithHosts(plane);
  const stranger = await plane.newMember();
  const id = await team.create();
  for (const name of [id, "sb-aaaaaaaaaaaaaaaaaaaa", "nonsense"]) {
    for (const route of ["pause", "resume", "ping"]) {
      const answer = await api.post(`/v1/sandboxes/${name}/${route}`, { key: stranger.key });
      assert.deepEqual([answer.status, answer.body.error.code], [404, "not_found"], `${route} ${name}`);
    }
  }
  assert.equal((await show(id, team.member.key)).status, "running");
});

test("a pause that fails on its host says why, and the sandbox runs on", async (t) => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { agent } = team.peer;
  const id = await team.create();
  const cases: [string, Error, number, string][] = [
    ["the disk is full", new RoostError("disk_full", "No space is left."), 507, "disk_full"],
    ["the host changes it itself", new RoostError("conflict", "It pauses itself."), 409, "conflict"],
    ["the host fails", new RoostError("internal", "The VMM did not stop."), 502, "host_failed"],
    ["the answer is lost before anything is done", new ConnectError("gone", Code.Unavailable), 503, "host_unavailable"],
  ];
  for (const [name, error, status, code] of cases) {
    await t.test(name, async () => {
      agent.before("pauseSandbox", () => {
        throw error;
      });
      const answer = await pause(id, key);
      assert.deepEqual([answer.status, answer.body.error.code], [status, code]);
      const { status: is, guest_ip, error: reason } = await show(id, key);
      assert.deepEqual([is, guest_ip, reason], ["running", "10.213.0.2", undefined]);
    });
  }
  agent.before("pauseSandbox", undefined);
  assert.equal((await pause(id, key)).status, 200);
});

test("a pause of which only the answer was lost has succeeded", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create();
  team.peer.agent.after("pauseSandbox", () => {
    throw new ConnectError("gone", Code.Unavailable);
  });
  const answer = await pause(id, key);
  assert.deepEqual([answer.status, answer.body.status], [200, "paused"]);
});

test("a pause in whose course the machine dies is 502, and the sandbox is in error, with the reason", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { agent } = team.peer;
  const id = await team.create();
  agent.before("pauseSandbox", () => {
    agent.setState(id, SandboxState.ERROR, "The VMM was killed by signal 9.");
    throw new RoostError("internal", "It is dead.");
  });
  assert.equal((await pause(id, key)).status, 502);
  const { status, error } = await show(id, key);
  assert.deepEqual([status, error], ["error", "The VMM was killed by signal 9."]);
});

test("a pause that its host is still at when the call breaks stays pausing until a heartbeat tells how it ended", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { agent } = team.peer;
  const id = await team.create();
  agent.before("pauseSandbox", () => {
    agent.setState(id, SandboxState.PAUSING);
    throw new ConnectError("gone", Code.Unavailable);
  });
  assert.equal((await pause(id, key)).status, 503);
  assert.equal((await show(id, key)).status, "pausing");
  agent.setState(id, SandboxState.PAUSED);
  await db
    .updateTable("sandboxes")
    .set({ last_updated: new Date(Date.now() - 11_000) })
    .where("id", "=", id)
    .execute();
  await team.peer.heartbeat();
  await until("it is paused", async () => (await show(id, key)).status === "paused");
});

test("a pause on a host that is silent is 503, and the sandbox is as it was; its next heartbeat tells what was done", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { peer } = team;
  const id = await team.create();
  peer.agent.after("pauseSandbox", () => peer.goSilent());
  const answer = await pause(id, key);
  assert.deepEqual([answer.status, answer.body.error.code], [503, "host_unavailable"]);
  const { status, guest_ip } = await show(id, key);
  assert.deepEqual([status, guest_ip], ["running", "10.213.0.2"]);
});

test("a sandbox that its host has lost turns error when it is paused", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create();
  team.peer.agent.sandboxes.delete(id);
  const answer = await pause(id, key);
  assert.deepEqual([answer.status, answer.body.error.code], [409, "not_running"]);
  assert.deepEqual((await show(id, key)).error, "Its host does not have it any more.");
});

test("a pause whose caller hung up is carried through", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const { agent } = team.peer;
  const id = await team.create();
  const gone = Promise.withResolvers<void>();
  const asked = announced(agent, "pauseSandbox");
  agent.before("pauseSandbox", () => gone.promise);
  const caller = new AbortController();
  const pausing = api.post(`/v1/sandboxes/${id}/pause`, { key, signal: caller.signal });
  await asked;
  caller.abort();
  await assert.rejects(pausing, { name: "AbortError" });
  gone.resolve();
  await until("it is paused", async () => (await show(id, key)).status === "paused");
});

test("S9: a ping reaches the host, and is noted", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create({ timeout_sec: 60 });
  assert.equal(team.peer.agent.creates[0]?.timeoutSec, 60);
  await db
    .updateTable("sandboxes")
    .set({ last_active_at: new Date(0) })
    .where("id", "=", id)
    .execute();
  assert.equal((await api.post(`/v1/sandboxes/${id}/ping`, { key })).status, 204);
  assert.equal(team.peer.agent.calls.at(-1), "pingSandbox");
  assert.ok(new Date((await show(id, key)).last_active_at).getTime() > 0);
});
