import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { newId } from "@roost/protocol/ids";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { failing, Injected, worldBeside } from "../testing/injected-faults.ts";
import { teamWithHosts } from "../testing/team.ts";
import { Sandboxes, type SandboxRows } from "./sandboxes.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { db } = plane;

const wanted = { template: "minimal", vcpus: 1, memoryMb: 256, timeoutSec: 0, metadata: {}, env: {}, internet: true };

const STEPS: (keyof SandboxRows)[] = ["insertPending", "assignHost", "markRunning"];
const ENDINGS: (keyof SandboxRows)[] = ["removeUnmade"];

async function statusesOf(teamId: string): Promise<string[]> {
  const rows = await db.selectFrom("sandboxes").where("team_id", "=", teamId).select("status").execute();
  return rows.map((row) => row.status);
}

for (const step of STEPS) {
  for (const when of ["before", "after"] as const) {
    test(`R1: a create whose ${step} fails ${when} its work leaves neither a row nor a machine`, async () => {
      using whole = await worldBeside(plane);
      await using team = await teamWithHosts(plane);
      const parts = { ...whole.parts, rows: failing(whole.parts.rows, step, when) };
      const sandboxes = new Sandboxes(parts);
      const create = sandboxes.create(team.member.teamId, { id: newId("sandbox", randomBytes), ...wanted });
      await assert.rejects(create, Injected);
      // A pending row without a host, of which only the tidying knows: its create never learned that it was made.
      await db
        .updateTable("sandboxes")
        .set({ last_updated: new Date(0) })
        .where("status", "=", "pending")
        .execute();
      await sandboxes.removeAbandoned();
      assert.deepEqual(await statusesOf(team.member.teamId), []);
      assert.equal(team.peer.agent.sandboxes.size, 0);
    });
  }
}

for (const step of STEPS.slice(1)) {
  for (const ending of ENDINGS) {
    test(`R1: a create whose ${step} and ${ending} fail is ended by heartbeats, and can be destroyed`, async () => {
      using whole = await worldBeside(plane);
      await using team = await teamWithHosts(plane);
      const { teamId } = team.member;
      const rows = failing(failing(whole.parts.rows, step, "after"), ending, "before");
      const id = newId("sandbox", randomBytes);
      await assert.rejects(new Sandboxes({ ...whole.parts, rows }).create(teamId, { id, ...wanted }), Injected);
      const [left = ""] = await statusesOf(teamId);
      assert.ok(["starting", "running"].includes(left), left);
      const later = new Sandboxes(whole.parts);
      await db
        .updateTable("sandboxes")
        .set({ last_updated: new Date(0) })
        .where("id", "=", id)
        .execute();
      await later.reconcile(team.peer.id, team.peer.agent.heartbeat().sandboxes);
      assert.deepEqual(await statusesOf(teamId), ["error"]);
      await later.destroy(teamId, id);
      assert.deepEqual(await statusesOf(teamId), ["stopped"]);
    });
  }
}

/** The rows, to which something happens just before this method does its work. */
function interrupted(rows: SandboxRows, method: keyof SandboxRows, happens: (id: string) => Promise<unknown>) {
  return new Proxy(rows, {
    get(target, property) {
      const value = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      if (property !== method) return value.bind(target);
      return async (...args: [{ id: string } | string, ...unknown[]]) => {
        await happens(typeof args[0] === "string" ? args[0] : args[0].id);
        return value.apply(target, args);
      };
    },
  });
}

test("R1: hosts that are deleted between the choice and the create are passed over, and leave no row", async () => {
  using whole = await worldBeside(plane);
  await using team = await teamWithHosts(plane);
  const { teamId } = team.member;
  const rows = interrupted(whole.parts.rows, "insertPending", () =>
    db.deleteFrom("hosts").where("id", "=", team.peer.id).execute(),
  );
  const id = newId("sandbox", randomBytes);
  const create = new Sandboxes({ ...whole.parts, rows }).create(teamId, { id, ...wanted });
  await assert.rejects(create, { code: "no_capacity" });
  assert.deepEqual(await statusesOf(teamId), []);
});

test("S4: a snapshot that is deleted between the choice and the create is not there, and leaves no row", async () => {
  using whole = await worldBeside(plane);
  await using team = await teamWithHosts(plane);
  const { teamId, key } = team.member;
  const json = { sandbox_id: await team.create(), name: "tools" };
  await plane.api.post("/v1/snapshots", { key, json });
  const rows = interrupted(whole.parts.rows, "insertPending", () => plane.api.delete("/v1/snapshots/tools", { key }));
  const id = newId("sandbox", randomBytes);
  const create = new Sandboxes({ ...whole.parts, rows }).create(teamId, { id, ...wanted, template: "tools" });
  await assert.rejects(create, { code: "not_found" });
  assert.deepEqual(await statusesOf(teamId), ["paused"]);
});

test("R1: a sandbox that was found by a heartbeat and paused before its create had its answer is not taken for destroyed", async () => {
  using whole = await worldBeside(plane);
  await using team = await teamWithHosts(plane);
  const { teamId, key } = team.member;
  const rows = interrupted(whole.parts.rows, "markRunning", async (id) => {
    await whole.parts.rows.markRunning(id, team.peer.id, null);
    await plane.api.post(`/v1/sandboxes/${id}/pause`, { key });
  });
  const id = newId("sandbox", randomBytes);
  const created = await new Sandboxes({ ...whole.parts, rows }).create(teamId, { id, ...wanted });
  assert.equal(created.status, "paused");
  assert.equal(team.peer.agent.sandboxes.size, 1);
});

test("R1: a create that fails, and whose host cannot be told, is ended by that host's next heartbeat", async () => {
  using whole = await worldBeside(plane);
  await using team = await teamWithHosts(plane);
  const { agent, id: hostId } = team.peer;
  const { teamId } = team.member;
  agent.before("destroySandbox", () => {
    throw new Error("not now");
  });
  const rows = failing(whole.parts.rows, "markRunning", "before");
  const create = new Sandboxes({ ...whole.parts, rows }).create(teamId, {
    id: newId("sandbox", randomBytes),
    ...wanted,
  });
  await assert.rejects(create, Injected);
  assert.deepEqual(await statusesOf(teamId), ["stopping"]);
  assert.equal(agent.sandboxes.size, 1);
  agent.before("destroySandbox", undefined);
  await new Sandboxes(whole.parts).reconcile(hostId, agent.heartbeat().sandboxes);
  await whole.background.settled();
  assert.deepEqual(await statusesOf(teamId), ["stopped"]);
  assert.equal(agent.sandboxes.size, 0);
});
