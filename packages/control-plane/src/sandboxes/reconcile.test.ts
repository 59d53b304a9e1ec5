import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { SandboxState } from "@roost/protocol/hostagent";
import { newId } from "@roost/protocol/ids";
import type { SandboxStatus } from "../db/tables.ts";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";
import { announced, until } from "../testing/until.ts";
import { type Decision, decide, type Report } from "./reconcile.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

const OLD = 61_000;
const FRESH = 59_000;
const SOON = 11_000;
const AT_ONCE = 9_000;
const last_updated = new Date(0);

test("what a heartbeat says, held against a row, decides one thing", async (t) => {
  const said = (status: Report["status"]): Report => ({ id: "sb", status });
  const cases: [SandboxStatus, number, Report | undefined, Decision][] = [
    ["starting", FRESH, said("starting"), "leave"],
    ["starting", FRESH, said("running"), "follow-host"],
    ["starting", FRESH, said("error"), "follow-host"],
    ["starting", FRESH, undefined, "leave"],
    ["starting", OLD, undefined, "mark-lost"],
    ["running", OLD, said("running"), "leave"],
    ["running", OLD, said("pausing"), "leave"],
    ["running", FRESH, said("paused"), "follow-host"],
    ["running", OLD, said("resuming"), "leave"],
    ["running", OLD, said("stopping"), "leave"],
    ["running", FRESH, said("error"), "follow-host"],
    ["running", FRESH, undefined, "leave"],
    ["running", OLD, undefined, "mark-lost"],
    ["pausing", OLD, said("pausing"), "leave"],
    ["pausing", AT_ONCE, said("running"), "leave"],
    ["pausing", SOON, said("running"), "follow-host"],
    ["pausing", AT_ONCE, said("paused"), "leave"],
    ["pausing", SOON, said("paused"), "follow-host"],
    ["pausing", SOON, said("error"), "follow-host"],
    ["pausing", FRESH, undefined, "leave"],
    ["pausing", OLD, undefined, "mark-lost"],
    ["paused", OLD, said("paused"), "leave"],
    ["paused", FRESH, said("running"), "follow-host"],
    ["paused", FRESH, said("resuming"), "leave"],
    ["paused", FRESH, said("error"), "follow-host"],
    ["paused", OLD, undefined, "leave"],
    ["resuming", OLD, said("resuming"), "leave"],
    ["resuming", AT_ONCE, said("paused"), "leave"],
    ["resuming", SOON, said("paused"), "follow-host"],
    ["resuming", SOON, said("running"), "follow-host"],
    ["resuming", SOON, said("error"), "follow-host"],
    ["resuming", OLD, undefined, "mark-lost"],
    ["missing", FRESH, said("running"), "follow-host"],
    ["missing", FRESH, said("paused"), "follow-host"],
    ["missing", FRESH, said("error"), "follow-host"],
    ["error", FRESH, said("running"), "follow-host"],
    ["error", FRESH, said("paused"), "follow-host"],
    ["error", OLD, said("error"), "leave"],
    ["error", OLD, undefined, "leave"],
    ["stopping", FRESH, said("running"), "carry-out-destroy"],
    ["stopping", FRESH, said("paused"), "carry-out-destroy"],
    ["stopping", FRESH, said("error"), "carry-out-destroy"],
    ["stopping", FRESH, undefined, "mark-stopped"],
    ["stopped", FRESH, said("running"), "destroy-stray"],
    ["stopped", FRESH, said("paused"), "destroy-stray"],
    ["stopped", FRESH, undefined, "leave"],
  ];
  for (const [status, settledForMs, report, decision] of cases) {
    await t.test(
      `${status} for ${settledForMs / 1000} s, host says ${report?.status ?? "nothing"}: ${decision}`,
      () => {
        assert.equal(
          decide("host", { id: "sb", status, host_id: "host", last_updated, settledForMs }, report),
          decision,
        );
      },
    );
  }
  await t.test("on another host than its row says: destroyed there", () => {
    const row = { id: "sb", status: "running", host_id: "other", last_updated, settledForMs: OLD } as const;
    assert.equal(decide("host", row, said("running")), "destroy-stray");
    assert.equal(decide("host", row, said("error")), "destroy-stray");
  });
  await t.test("without any row: destroyed if it is old", () => {
    assert.equal(decide("host", undefined, said("running")), "destroy-if-old");
  });
});

async function statusOf(id: string): Promise<string | undefined> {
  return (await db.selectFrom("sandboxes").where("id", "=", id).select("status").executeTakeFirst())?.status;
}

async function age(id: string): Promise<void> {
  await db
    .updateTable("sandboxes")
    .set({ last_updated: new Date(0) })
    .where("id", "=", id)
    .execute();
}

test("a sandbox whose control plane died while it booted turns running by its host's heartbeat, with its address", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  await db
    .updateTable("sandboxes")
    .set({ status: "starting", guest_ip: null, started_at: null })
    .where("id", "=", id)
    .execute();
  await team.peer.heartbeat();
  await until("it is running", async () => (await statusOf(id)) === "running");
  const { body } = await api.get(`/v1/sandboxes/${id}`, { key: team.member.key });
  assert.equal(body.guest_ip, "10.213.0.2");
});

test("a sandbox that boots right now is left alone, whatever a heartbeat does not say of it", async () => {
  await using team = await teamWithHosts(plane);
  const { agent } = team.peer;
  const booting = Promise.withResolvers<void>();
  agent.before("createSandbox", () => booting.promise);
  const asked = announced(agent, "createSandbox");
  const creating = api.post("/v1/sandboxes", { key: team.member.key });
  await asked;
  await db
    .updateTable("sandboxes")
    .set({ last_updated: new Date(0) })
    .where("team_id", "=", team.member.teamId)
    .execute();
  await team.peer.heartbeat();
  const listed = await api.get("/v1/sandboxes", { key: team.member.key });
  assert.deepEqual(
    listed.body.map((sandbox: { status: string }) => sandbox.status),
    ["starting"],
  );
  booting.resolve();
  assert.deepEqual([(await creating).status, (await creating).body.status], [201, "running"]);
});

test("a sandbox that its host has lost turns error after the grace, and not before", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  team.peer.agent.sandboxes.delete(id);
  await team.peer.heartbeat();
  assert.equal(await statusOf(id), "running");
  await age(id);
  await team.peer.heartbeat();
  const { body } = await api.get(`/v1/sandboxes/${id}`, { key: team.member.key });
  assert.deepEqual([body.status, body.error, body.guest_ip], ["error", "Its host does not have it any more.", null]);
});

test("S9: a sandbox that its host has paused because it was idle turns paused, and resumes", async () => {
  await using team = await teamWithHosts(plane);
  const { key } = team.member;
  const id = await team.create({ timeout_sec: 1 });
  team.peer.agent.setState(id, SandboxState.PAUSED);
  await team.peer.heartbeat();
  await until("it is paused", async () => (await statusOf(id)) === "paused");
  const { body } = await api.get(`/v1/sandboxes/${id}`, { key });
  assert.equal(body.guest_ip, null);
  assert.equal((await api.post(`/v1/sandboxes/${id}/resume`, { key })).body.status, "running");
});

test("a paused sandbox is left alone, however long its host does not speak of it", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  await api.post(`/v1/sandboxes/${id}/pause`, { key: team.member.key });
  const sandbox = team.peer.agent.sandboxes.get(id) ?? assert.fail();
  team.peer.agent.sandboxes.delete(id);
  await age(id);
  await team.peer.heartbeat();
  assert.equal(await statusOf(id), "paused");
  team.peer.agent.sandboxes.set(id, sandbox);
  await team.peer.heartbeat();
  assert.equal((await api.post(`/v1/sandboxes/${id}/resume`, { key: team.member.key })).status, 200);
});

test("N4: the reason of a machine's death is kept without control characters, and cut short", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  team.peer.agent.setState(id, SandboxState.ERROR, `\u001b[2J${"x".repeat(2000)}\0\ud800`);
  await team.peer.heartbeat();
  await until("it is in error", async () => (await statusOf(id)) === "error");
  const { body } = await api.get(`/v1/sandboxes/${id}`, { key: team.member.key });
  assert.match(body.error, /^\[2Jx+$/);
  assert.ok(body.error.length <= 500);
});

test("a destroyed sandbox that is still on its host is destroyed again", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  await api.delete(`/v1/sandboxes/${id}`, { key: team.member.key });
  team.peer.agent.plant(id, SandboxState.RUNNING);
  await team.peer.heartbeat();
  await until("the host has nothing of it", () => team.peer.agent.sandboxes.size === 0);
});

test("what no row knows is destroyed when it is older than five minutes, and left when it is younger", async () => {
  await using team = await teamWithHosts(plane);
  const { agent } = team.peer;
  const [old, young] = [newId("sandbox", randomBytes), newId("sandbox", randomBytes)];
  // The host lists the young one first: when the old one is gone, both have been looked at.
  agent.plant(young, SandboxState.RUNNING, new Date(Date.now() - 4 * 60_000));
  agent.plant(old, SandboxState.RUNNING, new Date(Date.now() - 6 * 60_000));
  await team.peer.heartbeat();
  await until("the old one is gone", () => !agent.sandboxes.has(old));
  assert.ok(agent.sandboxes.has(young));
});

test("A2: what a host says of another host's sandboxes changes nothing but the host itself", async () => {
  await using owner = await teamWithHosts(plane);
  await using liar = await teamWithHosts(plane);
  const id = await owner.create();
  liar.peer.agent.plant(id, SandboxState.ERROR);
  await liar.peer.heartbeat();
  await until("the liar has nothing of it", () => liar.peer.agent.sandboxes.size === 0);
  assert.equal(await statusOf(id), "running");
  assert.ok(owner.peer.agent.sandboxes.has(id));
});

test("a heartbeat with nonsense is 400 and changes nothing", async () => {
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  await age(id);
  const load = { sandboxes: 0, vcpus: 0, memory_mb: 0, disk_free_mb: 1 };
  for (const json of [
    {},
    { load },
    { load, sandboxes: [{ id: "x", status: "running" }] },
    { load: {}, sandboxes: [] },
  ]) {
    const answer = await api.post(`/v1/hosts/${team.peer.id}/heartbeat`, { host: team.peer.token, json });
    assert.equal(answer.status, 400);
  }
  assert.equal(await statusOf(id), "running");
});
