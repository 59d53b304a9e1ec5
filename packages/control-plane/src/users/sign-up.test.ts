/** Sign-up with invitations, and what a crash in the middle leaves. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { sql } from "kysely";
import { PASSWORD, startTestControlPlane } from "../testing/control-plane.ts";

const plane = await startTestControlPlane({ ROOST_SIGNUP: "invite" });
after(() => plane[Symbol.asyncDispose]());
const { api, db, admin } = plane;

const newEmail = () => `u-${randomBytes(6).toString("hex")}@example.com`;

function signUp(json: object) {
  return api.post("/v1/auth/signup", { json: { password: PASSWORD, ...json } });
}

async function invite(email: string): Promise<string> {
  const path = `/v1/teams/${admin.teamId}/invites`;
  return (await api.post(path, { session: admin.session, json: { email, role: "admin" } })).body.token;
}

test("N5: by invitation only whom a team invited may sign up, with the email that was invited, once", async () => {
  const email = newEmail();
  const token = await invite(email);
  assert.equal((await signUp({ email })).status, 403);
  assert.equal((await signUp({ email, invite: "rsti_nonsense" })).status, 404);
  assert.equal((await signUp({ email: newEmail(), invite: token })).status, 404);
  const { status, body } = await signUp({ email: email.toUpperCase(), invite: token });
  assert.deepEqual([status, body.team_id], [201, admin.teamId]);
  const me = await api.get("/v1/me", { session: body.token });
  assert.deepEqual(me.body.teams.map(({ role }: { role: string }) => role).toSorted(), ["admin", "owner"]);
  assert.equal((await signUp({ email: newEmail(), invite: token })).status, 404);
});

test("N5: an invitation does not open a closed install", async () => {
  await using closed = await startTestControlPlane({ ROOST_SIGNUP: "closed" });
  const email = newEmail();
  const invited = await closed.api.post(`/v1/teams/${closed.admin.teamId}/invites`, {
    session: closed.admin.session,
    json: { email },
  });
  const json = { email, password: PASSWORD, invite: invited.body.token };
  assert.equal((await closed.api.post("/v1/auth/signup", { json })).status, 403);
});

test("A1: one invitation lets one in, also when two sign up with it at the same moment", async () => {
  const email = newEmail();
  const token = await invite(email);
  const answers = await Promise.all([signUp({ email, invite: token }), signUp({ email, invite: token })]);
  const statuses = answers.map(({ status }) => status).toSorted();
  assert.equal(statuses[0], 201);
  assert.ok(statuses[1] === 404 || statuses[1] === 409, String(statuses[1]));
});

for (const table of ["teams", "users_teams"]) {
  test(`A1: a crash before the insert into ${table} leaves neither user nor team`, async () => {
    const email = newEmail();
    const token = await invite(email);
    // As far as the database can see, a connection that dies in the middle of a transaction.
    await sql`
      create function die() returns trigger language plpgsql as
      $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`.execute(db);
    await sql`create trigger die before insert on ${sql.table(table)} for each row execute function die()`.execute(db);
    assert.equal((await signUp({ email, invite: token })).status, 503);
    await sql`drop function die cascade`.execute(db);
    assert.equal(await db.selectFrom("users").where("email", "=", email).select("id").executeTakeFirst(), undefined);
    assert.equal(await db.selectFrom("teams").where("name", "=", email).select("id").executeTakeFirst(), undefined);
    assert.equal((await signUp({ email, invite: token })).status, 201, "nothing stands in the way of the next try");
  });
}
