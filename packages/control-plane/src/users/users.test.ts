import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { sql } from "kysely";
import { type Database, lockForTransaction } from "../db/database.ts";
import { deriveKey } from "../secrets/derive.ts";
import { PASSWORD, startTestControlPlane } from "../testing/control-plane.ts";
import { until } from "../testing/until.ts";
import { insertAccount } from "./accounts.ts";

let clock = Date.now();
const plane = await startTestControlPlane({}, () => new Date(clock));
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

function newEmail(): string {
  return `u-${randomBytes(6).toString("hex")}@example.com`;
}

/** Whether some other connection waits for an advisory lock. */
async function someoneWaits(database: Database): Promise<boolean> {
  const waiting = sql`select 1 from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())`;
  return (await waiting.execute(database)).rows.length > 0;
}

function signUp(json: object) {
  return api.post("/v1/auth/signup", { json });
}

test("A1: signing up makes a user and a team of their own, and opens a session", async () => {
  const email = newEmail();
  const { status, body } = await signUp({ email: ` ${email.toUpperCase()}`.trim(), password: PASSWORD });
  assert.equal(status, 201);
  assert.equal(body.email, email);
  const me = await api.get("/v1/me", { session: body.token });
  assert.equal(me.status, 200);
  assert.deepEqual(
    [me.body.user.id, me.body.user.email, me.body.user.is_admin, me.body.team_id],
    [body.user_id, email, false, body.team_id],
  );
  assert.deepEqual(me.body.teams, [{ id: body.team_id, name: email, role: "owner" }]);
});

test("A1: logging in opens a session of the same account, however the email is capitalised", async () => {
  const email = newEmail();
  const made = await signUp({ email, password: PASSWORD });
  const { status, body } = await api.post("/v1/auth/login", {
    json: { email: email.toUpperCase(), password: PASSWORD },
  });
  assert.equal(status, 200);
  assert.deepEqual([body.user_id, body.team_id, body.email], [made.body.user_id, made.body.team_id, email]);
});

test("A1: a wrong password and an unknown email get the very same answer", async () => {
  const email = newEmail();
  await signUp({ email, password: PASSWORD });
  const wrong = await api.post("/v1/auth/login", { json: { email, password: `${PASSWORD}x` } });
  const unknown = await api.post("/v1/auth/login", { json: { email: newEmail(), password: PASSWORD } });
  assert.equal(wrong.status, 401);
  assert.deepEqual([wrong.status, wrong.body], [unknown.status, unknown.body]);
});

test("A1: an email is taken once, also when two ask at the same moment, and no half account stays", async () => {
  const email = newEmail();
  const json = { email, password: PASSWORD };
  const answers = await Promise.all([signUp(json), signUp(json), signUp({ ...json, email: email.toUpperCase() })]);
  assert.deepEqual(answers.map((answer) => answer.status).toSorted(), [201, 409, 409]);
  const teams = await db.selectFrom("teams").where("name", "=", email).select("id").execute();
  assert.equal(teams.length, 1);
});

test("A1: bad sign-ups are 400 and say which field is wrong", async () => {
  const cases: [object, RegExp][] = [
    [{}, /email is missing/],
    [{ email: "a@b.c" }, /password is missing/],
    [{ email: "no email", password: PASSWORD }, /email must be an email address/],
    [{ email: `${"x".repeat(251)}@b.c`, password: PASSWORD }, /email/],
    [{ email: "a@b\0.c", password: PASSWORD }, /email must be an email address/],
    [{ email: newEmail(), password: "1234567" }, /password/],
    [{ email: newEmail(), password: "x".repeat(1025) }, /password/],
    [{ email: newEmail(), password: "\ud800 1234567" }, /password must be whole/],
    [{ email: newEmail(), password: 12345678 }, /password must be string/],
    [{ email: newEmail(), password: PASSWORD, is_admin: true }, /is_admin is not known/],
  ];
  for (const [json, message] of cases) {
    const answer = await signUp(json);
    assert.equal(answer.status, 400, JSON.stringify(json));
    assert.match(answer.body.error.message, message);
    assert.doesNotMatch(JSON.stringify(answer.body), /1234567/);
  }
});

test("A1: a session ends after six hours", async () => {
  const { session } = await plane.newMember();
  const begun = clock;
  clock = begun + 6 * 3600_000 - 60_000;
  assert.equal((await api.get("/v1/me", { session })).status, 200);
  clock = begun + 6 * 3600_000 + 60_000;
  assert.equal((await api.get("/v1/me", { session })).status, 401);
  clock = begun;
});

test("A1: who is no longer of the team, or no longer at all, is out at the next request", async () => {
  const left = await plane.newMember();
  await db.deleteFrom("users_teams").where("user_id", "=", left.userId).execute();
  assert.equal((await api.get("/v1/sandboxes", { session: left.session })).status, 401);
  const [moved, other] = [await plane.newMember(), await plane.newMember()];
  await db.updateTable("users_teams").set({ team_id: other.teamId }).where("user_id", "=", moved.userId).execute();
  assert.equal(
    (await api.get("/v1/sandboxes", { session: moved.session })).status,
    401,
    "a session of the team before",
  );
  const deleted = await plane.newMember();
  await db.deleteFrom("users").where("id", "=", deleted.userId).execute();
  assert.equal((await api.get("/v1/me", { session: deleted.session })).status, 401);
});

const UNUSED = "a".repeat(20);

test("A1: a session that we did not sign, or that says another algorithm, opens nothing", async () => {
  const { userId, teamId, session } = await plane.newMember();
  const { kid } = JSON.parse(Buffer.from(session.split(".")[0] ?? "", "base64url").toString());
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: userId, team: teamId, pwv: 1, aud: "roost:session", exp: Math.floor(clock / 1000) + 3600 };
  const forge = (header: object, key: Buffer | string) => {
    const signed = `${part(header)}.${part(claims)}`;
    return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
  };
  const [head, body] = session.split(".");
  const forged = [
    forge({ alg: "HS256", kid }, randomBytes(32)),
    // The secret itself signs nothing: only keys derived from it do.
    forge({ alg: "HS256", kid }, plane.config.secret),
    // A key that could be, and was never taken into use.
    forge({ alg: "HS256", kid: UNUSED }, Buffer.from(deriveKey(plane.config.secret, `session-token/${UNUSED}`))),
    forge({ alg: "HS256" }, Buffer.from(deriveKey(plane.config.secret, `session-token/${kid}`))),
    forge({ alg: "HS256", kid: "../../etc" }, randomBytes(32)),
    `${part({ alg: "none", kid })}.${part(claims)}.`,
    `${part({ alg: "none" })}.${part(claims)}.`,
    `${head}.${body}.`,
    `${head}.${part(claims)}.${session.split(".")[2]}`,
    "x",
    "",
  ];
  const genuine = forge({ alg: "HS256", kid }, Buffer.from(deriveKey(plane.config.secret, `session-token/${kid}`)));
  assert.equal((await api.get("/v1/me", { session: genuine })).status, 200, "forged as it would have to be");
  for (const token of forged) assert.equal((await api.get("/v1/me", { session: token })).status, 401, token);
});

test("N5: a closed install lets the first account in, and nobody after it, not even at the same moment", async () => {
  await using closed = await startTestControlPlane({ ROOST_SIGNUP: "closed" });
  const attempt = () => closed.api.post("/v1/auth/signup", { json: { email: newEmail(), password: PASSWORD } });
  const afterAdmin = await attempt();
  assert.deepEqual([afterAdmin.status, afterAdmin.body.error.code], [403, "forbidden"]);
  await closed.db.deleteFrom("users").execute();
  const late = await closed.db.transaction().execute(async (trx) => {
    await lockForTransaction(trx, "first-sign-up");
    const waiting = attempt();
    // It has found no user, and waits to be the first; then someone else is.
    await until("it waits", () => someoneWaits(closed.db));
    await insertAccount(trx, { email: newEmail(), passwordHash: "none", isAdmin: false });
    return { waiting };
  });
  assert.equal((await late.waiting).status, 403);
  await closed.db.deleteFrom("users").execute();
  const statuses = (await Promise.all([attempt(), attempt(), attempt()])).map((answer) => answer.status);
  assert.deepEqual(statuses.toSorted(), [201, 403, 403]);
  const first = await closed.db.selectFrom("users").select("is_admin").executeTakeFirst();
  assert.equal(first?.is_admin, false, "signing up never makes an admin");
});
