import assert from "node:assert/strict";
import { after, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { IdempotencyKeys } from "../idempotency/idempotency.ts";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { type TeamWithHosts, teamWithHosts } from "../testing/team.ts";
import { announced } from "../testing/until.ts";

const plane = await startTestControlPlane();
const team: TeamWithHosts = await teamWithHosts(plane);
after(async () => {
  await team[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { api, db } = plane;
const { key, teamId } = team.member;
const { agent } = team.peer;

function create(idempotencyKey: string, json: object = {}, as = key) {
  return api.post("/v1/sandboxes", { key: as, json, headers: { "idempotency-key": idempotencyKey } });
}

async function count(): Promise<number> {
  return (await db.selectFrom("sandboxes").where("team_id", "=", teamId).select("id").execute()).length;
}

/** As if the control plane had died before it could write the answer down. */
async function loseAnswer(idempotencyKey: string, startedAt = new Date()): Promise<void> {
  await db
    .updateTable("idempotency_keys")
    .set({ status: null, answer: null, started_at: startedAt })
    .where("key", "=", idempotencyKey)
    .execute();
}

test("R1: the same key and body make one sandbox, and give the first answer again", async () => {
  const before = await count();
  const first = await create("a", { vcpus: 2, metadata: { x: "1", y: "2" } });
  const again = await create("a", { metadata: { y: "2", x: "1" }, vcpus: 2 });
  assert.deepEqual([again.status, again.body], [first.status, first.body]);
  assert.equal(await count(), before + 1);
  await api.delete(`/v1/sandboxes/${first.body.id}`, { key });
  assert.deepEqual(
    (await create("a", { vcpus: 2, metadata: { x: "1", y: "2" } })).body,
    first.body,
    "the first answer",
  );
});

test("R1: the same key with another body is 409", async () => {
  assert.equal((await create("b")).status, 201);
  const other = await create("b", { vcpus: 2 });
  assert.deepEqual([other.status, other.body.error.code], [409, "conflict"]);
});

test("R1: what the defaults would have made of a body is the same body", async () => {
  const first = await create("c", {});
  assert.deepEqual((await create("c", { vcpus: 1, template: "minimal" })).body, first.body);
});

test("R1: while the first is under way the second is 409, and one sandbox is made", async () => {
  const booting = Promise.withResolvers<void>();
  agent.before("createSandbox", () => booting.promise);
  const asked = announced(agent, "createSandbox");
  const before = await count();
  const first = create("d");
  await asked;
  const second = await create("d");
  assert.equal(second.status, 409);
  assert.match(second.body.error.message, /under way/);
  booting.resolve();
  assert.equal((await first).status, 201);
  agent.before("createSandbox", undefined);
  assert.equal(await count(), before + 1);
});

test("R1: of many at the same moment one makes it", async () => {
  const before = await count();
  const answers = await Promise.all(Array.from({ length: 5 }, () => create("e")));
  const made = new Set(answers.filter((answer) => answer.status === 201).map((answer) => answer.body.id));
  assert.equal(made.size, 1);
  assert.ok(answers.every((answer) => answer.status === 201 || answer.status === 409));
  assert.equal(await count(), before + 1);
});

test("R1: a refusal (4xx) is given again, a failure (5xx) is tried again", async () => {
  const refused = await create("f", { template: "nope" });
  assert.equal(refused.status, 404);
  assert.deepEqual((await create("f", { template: "nope" })).body, refused.body);
  agent.refuse("createSandbox", new RoostError("no_capacity", "Full."));
  assert.equal((await create("g")).status, 503);
  agent.before("createSandbox", undefined);
  assert.equal((await create("g")).status, 201);
});

test("A2: the same key of another team is another key", async () => {
  const mine = await create("h");
  await using other = await teamWithHosts(plane);
  const theirs = await create("h", {}, other.member.key);
  assert.equal(theirs.status, 201);
  assert.notEqual(theirs.body.id, mine.body.id);
});

test("R1: an answer that was lost with its control plane is found by what was made", async () => {
  const first = await create("i");
  const before = await count();
  await loseAnswer("i");
  const again = await create("i");
  assert.deepEqual([again.status, again.body.id], [201, first.body.id]);
  assert.equal(await count(), before);
});

test("R1: a key whose control plane died before it made anything can be used again after a minute", async () => {
  const first = await create("j");
  await db.deleteFrom("sandboxes").where("id", "=", first.body.id).execute();
  await loseAnswer("j");
  assert.equal((await create("j")).status, 409);
  await loseAnswer("j", new Date(Date.now() - 61_000));
  // The one that takes the key is held until the other has been turned away.
  const turnedAway = Promise.withResolvers<void>();
  agent.before("createSandbox", () => turnedAway.promise);
  const both = [create("j"), create("j")];
  const sooner = await Promise.race(both);
  turnedAway.resolve();
  assert.equal(sooner.status, 409);
  const again = await Promise.all(both);
  agent.before("createSandbox", undefined);
  assert.deepEqual(again.map((answer) => answer.status).toSorted(), [201, 409]);
});

test("R1: a key is forgotten after a day", async () => {
  const first = await create("k");
  await db
    .updateTable("idempotency_keys")
    .set({ created_at: new Date(Date.now() - 25 * 3600_000) } as never)
    .where("key", "=", "k")
    .execute();
  const later = await create("k", { vcpus: 2 });
  assert.equal(later.status, 201);
  assert.notEqual(later.body.id, first.body.id);
});

test("keys older than a day are swept away", async () => {
  await create("l");
  await create("m");
  await db
    .updateTable("idempotency_keys")
    .set({ created_at: new Date(Date.now() - 25 * 3600_000) } as never)
    .where("key", "=", "l")
    .execute();
  await new IdempotencyKeys(db).sweep();
  const kept = await db.selectFrom("idempotency_keys").where("key", "in", ["l", "m"]).select("key").execute();
  assert.deepEqual(kept, [{ key: "m" }]);
});

test("R1: a key that is none is 400", async () => {
  for (const bad of ["x".repeat(256), "with space"]) assert.equal((await create(bad)).status, 400, bad);
});
