import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SandboxState } from "@roost/protocol/hostagent";
import type { SandboxStatus } from "../db/tables.ts";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { failing, Injected, type World, worldBeside } from "../testing/injected-faults.ts";
import { type TeamWithHosts, teamWithHosts } from "../testing/team.ts";
import { Sandboxes, type SandboxRows } from "./sandboxes.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { db } = plane;

const { RUNNING, PAUSED, PAUSING, RESUMING, ERROR } = SandboxState;
const STATUS_OF = new Map<SandboxState | undefined, SandboxStatus>([
  [RUNNING, "running"],
  [PAUSED, "paused"],
  [ERROR, "error"],
]);

type StepName = "pause" | "resume" | "snapshot";

/** The step, taken by a process of which something fails. */
function take(step: StepName, sandboxes: Sandboxes, teamId: string, id: string): Promise<unknown> {
  if (step === "pause") return sandboxes.pause(teamId, id);
  if (step === "resume") return sandboxes.resume(teamId, id, "memory");
  return sandboxes.snapshot(teamId, id, { id: "tpl-aaaaaaaaaaaaaaaaaaaa", leave: "running" });
}

async function statusOf(id: string): Promise<SandboxStatus | undefined> {
  return (await db.selectFrom("sandboxes").where("id", "=", id).select("status").executeTakeFirst())?.status;
}

async function age(id: string, byMs: number): Promise<void> {
  const last_updated = new Date(Date.now() - byMs);
  await db.updateTable("sandboxes").set({ last_updated }).where("id", "=", id).execute();
}

/** What the host reports reaches a process that knows nothing of the step, as after a restart. */
async function reconciled(
  world: World,
  team: TeamWithHosts,
  { sandboxes } = team.peer.agent.heartbeat(),
): Promise<void> {
  await new Sandboxes(world.parts).reconcile(team.peer.id, sandboxes);
  await world.background.settled();
}

async function readyFor(step: StepName, team: TeamWithHosts, world: World): Promise<string> {
  const id = await team.create();
  if (step === "resume") await new Sandboxes(world.parts).pause(team.member.teamId, id);
  return id;
}

for (const step of ["pause", "resume", "snapshot"] as const) {
  for (const method of ["find", "begin", "follow"] as const satisfies (keyof SandboxRows)[]) {
    for (const when of ["before", "after"] as const) {
      test(`a ${step} whose ${method} fails ${when} its work leaves nothing that heartbeats do not bring in order within a minute`, async () => {
        using world = await worldBeside(plane);
        await using team = await teamWithHosts(plane);
        const { teamId } = team.member;
        const id = await readyFor(step, team, world);
        const broken = new Sandboxes({ ...world.parts, rows: failing(world.parts.rows, method, when) });
        await assert.rejects(take(step, broken, teamId, id), Injected);
        // The heartbeats of half a minute later; the first may come sooner than that.
        await reconciled(world, team);
        await age(id, 30_000);
        await reconciled(world, team);
        const isOnHost = team.peer.agent.sandboxes.get(id)?.state;
        assert.equal(await statusOf(id), STATUS_OF.get(isOnHost));
        const later = new Sandboxes(world.parts);
        if ((await statusOf(id)) === "running") await later.pause(teamId, id);
        await later.resume(teamId, id, "memory");
        await later.destroy(teamId, id);
        assert.deepEqual([await statusOf(id), team.peer.agent.sandboxes.size], ["stopped", 0]);
      });
    }
  }
}

/** A control plane died while the row said this; the host was, or is, at that. */
const DIED: [SandboxStatus, SandboxState, SandboxStatus][] = [
  ["pausing", RUNNING, "running"],
  ["pausing", PAUSED, "paused"],
  ["pausing", PAUSING, "pausing"],
  ["pausing", ERROR, "error"],
  ["resuming", PAUSED, "paused"],
  ["resuming", RUNNING, "running"],
  ["resuming", RESUMING, "resuming"],
  ["resuming", ERROR, "error"],
];
for (const [status, state, becomes] of DIED) {
  test(`a row that a dead control plane left ${status} is ${becomes} after a heartbeat that says ${STATUS_OF.get(state) ?? "so, too"}`, async () => {
    using world = await worldBeside(plane);
    await using team = await teamWithHosts(plane);
    const id = await team.create();
    await db.updateTable("sandboxes").set({ status }).where("id", "=", id).execute();
    team.peer.agent.setState(id, state);
    await age(id, 11_000);
    await reconciled(world, team);
    assert.equal(await statusOf(id), becomes);
    await new Sandboxes(world.parts).destroy(team.member.teamId, id);
    assert.equal(await statusOf(id), "stopped");
  });
}

test("a row that pauses, and of which the host says nothing, is in error after a minute", async () => {
  using world = await worldBeside(plane);
  await using team = await teamWithHosts(plane);
  const id = await team.create();
  await db.updateTable("sandboxes").set({ status: "pausing" }).where("id", "=", id).execute();
  team.peer.agent.sandboxes.delete(id);
  await age(id, 59_000);
  await reconciled(world, team);
  assert.equal(await statusOf(id), "pausing");
  await age(id, 61_000);
  await reconciled(world, team);
  assert.equal(await statusOf(id), "error");
});

test("another control plane's heartbeat in the middle of a pause does not spoil it", async () => {
  using world = await worldBeside(plane);
  await using team = await teamWithHosts(plane);
  const { agent } = team.peer;
  const id = await team.create();
  agent.before("pauseSandbox", async () => {
    // Written before the host had heard of the pause, and slow on its way.
    await age(id, 11_000);
    await reconciled(world, team);
    assert.equal(await statusOf(id), "running");
  });
  using mine = await worldBeside(plane);
  const paused = await new Sandboxes(mine.parts).pause(team.member.teamId, id);
  assert.deepEqual([paused.status, await statusOf(id)], ["paused", "paused"]);
});

test("a step that began after the host was asked is left alone by the answer", async () => {
  using world = await worldBeside(plane);
  await using team = await teamWithHosts(plane);
  const { agent } = team.peer;
  const { teamId } = team.member;
  const id = await team.create();
  agent.setState(id, PAUSED);
  using mine = await worldBeside(plane);
  agent.after("listSandboxes", async () => {
    agent.after("listSandboxes", undefined);
    // The answer that is under way says paused; by the time it arrives, that is over.
    agent.setState(id, RUNNING);
    await new Sandboxes(mine.parts).pause(teamId, id);
    await new Sandboxes(mine.parts).resume(teamId, id, "memory");
  });
  await reconciled(world, team);
  assert.deepEqual([agent.sandboxes.get(id)?.state, await statusOf(id)], [RUNNING, "running"]);
});

test("a heartbeat that is older than a pause or a resume does not undo it", async () => {
  using world = await worldBeside(plane);
  await using team = await teamWithHosts(plane);
  const { agent } = team.peer;
  const { teamId } = team.member;
  const id = await team.create();
  const sandboxes = new Sandboxes(world.parts);
  const whileRunning = agent.heartbeat();
  await sandboxes.pause(teamId, id);
  await reconciled(world, team, whileRunning);
  assert.equal(await statusOf(id), "paused");
  const whilePaused = agent.heartbeat();
  await sandboxes.resume(teamId, id, "memory");
  await reconciled(world, team, whilePaused);
  assert.equal(await statusOf(id), "running");
});
