import assert from "node:assert/strict";
import { after, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { sql } from "kysely";
import { AuditLog } from "../audit/audit-log.ts";
import { PASSWORD, startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";

const plane = await startTestControlPlane();
const team = await teamWithHosts(plane);
after(async () => {
  await team[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { api } = plane;
const { member } = team;

interface Event {
  readonly actor: string;
  readonly user_id: string | null;
  readonly key_id: string | null;
  readonly action: string;
  readonly subject: string | null;
  readonly outcome: string;
  readonly details: object;
  readonly address: string;
  readonly request_id: string;
}

async function events(of = member): Promise<Event[]> {
  return (await api.get(`/v1/teams/${of.teamId}/audit`, { session: of.session })).body;
}

test("every change of a team's is in its log: who, what, from where, how it ended", async () => {
  const made = await api.post("/v1/api-keys", { session: member.session, json: { name: "second" } });
  const [newest] = await events();
  assert.deepEqual(newest && { ...newest, id: "", at: "" }, {
    id: "",
    at: "",
    actor: member.email,
    user_id: member.userId,
    key_id: null,
    action: "api-key.create",
    subject: made.body.id,
    outcome: "done",
    details: { name: "second" },
    address: "127.0.0.1",
    request_id: made.headers.get("request_id"),
  });
  const sandbox = await team.create();
  await api.post(`/v1/sandboxes/${sandbox}/pause`, { key: made.body.key });
  await api.post("/v1/snapshots", { key: made.body.key, json: { sandbox_id: sandbox, name: "snap" } });
  await api.delete("/v1/snapshots/snap", { key: made.body.key });
  await api.post(`/v1/sandboxes/${sandbox}/resume`, { key: made.body.key });
  await api.delete(`/v1/sandboxes/${sandbox}`, { key: made.body.key });
  await api.delete(`/v1/api-keys/${made.body.id}`, { session: member.session });
  const told = (await events()).map(({ action, subject, outcome }) => `${action} ${subject} ${outcome}`);
  const snapshot = (await events()).find(({ action }) => action === "snapshot.create")?.subject;
  assert.deepEqual(told.toReversed().slice(-8, -1), [
    `api-key.create ${made.body.id} done`,
    `sandbox.create ${sandbox} done`,
    `sandbox.pause ${sandbox} done`,
    `snapshot.create ${snapshot} done`,
    "snapshot.delete snap done",
    `sandbox.resume ${sandbox} done`,
    `sandbox.destroy ${sandbox} done`,
  ]);
  const byKey = (await events()).find(({ action }) => action === "sandbox.pause");
  assert.deepEqual([byKey?.actor, byKey?.key_id, byKey?.user_id], ["second", made.body.id, null]);
});

test("sign-up, log-in and a host's joining are in the log of the team they concern", async () => {
  const actions = (await events()).map(({ action }) => action).toReversed();
  assert.deepEqual(actions.slice(0, 4), ["account.create", "api-key.create", "host.create", "host.join"]);
  await api.post("/v1/auth/login", { json: { email: member.email, password: PASSWORD } });
  const [newest] = await events();
  assert.deepEqual([newest?.action, newest?.actor], ["session.open", member.email]);
});

test("what was refused leaves no entry, what failed leaves one, what is answered again leaves no second one", async () => {
  const before = (await events()).length;
  await api.delete("/v1/snapshots/nothing", { key: member.key });
  await api.post("/v1/sandboxes", { key: member.key, json: { template: "nothing" } });
  assert.equal((await events()).length, before);
  team.peer.agent.refuse("createSandbox", new RoostError("internal", "Broken."));
  await api.post("/v1/sandboxes", { key: member.key });
  team.peer.agent.before("createSandbox", undefined);
  const [failed] = await events();
  assert.deepEqual([failed?.action, failed?.outcome], ["sandbox.create", "failed"]);
  const again = { key: member.key, headers: { "idempotency-key": "once" } };
  const made = await api.post("/v1/sandboxes", again);
  await api.post("/v1/sandboxes", again);
  const ofIt = (await events()).filter(({ subject }) => subject === made.body.id);
  assert.equal(ofIt.length, 1);
});

test("a change whose control plane died in the middle is in the log as begun", async () => {
  const held = Promise.withResolvers<void>();
  team.peer.agent.before("createSandbox", () => held.promise);
  const asked = api.post("/v1/sandboxes", { key: member.key });
  let seen: Event | undefined;
  while (seen?.outcome !== "begun") seen = (await events())[0];
  assert.equal(seen.action, "sandbox.create");
  held.resolve();
  await asked;
  team.peer.agent.before("createSandbox", undefined);
  assert.equal((await events())[0]?.outcome, "done");
});

test("the log holds no secrets", async () => {
  const log = JSON.stringify(await events());
  assert.doesNotMatch(log, /rst_[0-9a-f]|rsti_|rsth_|eyJ/);
  assert.ok(!log.includes(PASSWORD));
});

test("entries are kept for as long as they shall be", async () => {
  const old = await plane.db.selectFrom("audit_log").select("id").limit(1).executeTakeFirstOrThrow();

  await sql`update audit_log set created_at = now() - interval '11 days' where id = ${old.id}`.execute(plane.db);
  const left = () => plane.db.selectFrom("audit_log").where("id", "=", old.id).select("id").execute();
  await new AuditLog(plane.db, 0).sweep();
  await new AuditLog(plane.db, 12).sweep();
  assert.equal((await left()).length, 1);
  await new AuditLog(plane.db, 10).sweep();
  assert.equal((await left()).length, 0);
});
