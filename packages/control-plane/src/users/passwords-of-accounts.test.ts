/** What a change of password, and of the keys that sign sessions, does to sessions; what guessing costs. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { sql } from "kysely";
import { PASSWORD, startTestControlPlane } from "../testing/control-plane.ts";
import { endAllSessions, rotateSessionKey, setPassword } from "./users.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

const logIn = (email: string, password: string) => api.post("/v1/auth/login", { json: { email, password } });

function change(session: string, current: string, next: string) {
  return api.post("/v1/auth/password", { session, json: { current_password: current, new_password: next } });
}

test("A1: a change of password ends every other session at once, and the old password opens nothing", async () => {
  const { email, session, key } = await plane.newMember();
  const other = (await logIn(email, PASSWORD)).body.token;
  assert.equal((await change(session, `${PASSWORD}?`, "another horse")).status, 403);
  assert.equal((await change(session, PASSWORD, "short")).status, 400);
  assert.equal((await api.get("/v1/me", { session: other })).status, 200, "what was refused changed nothing");
  const changed = await change(session, PASSWORD, "another horse");
  assert.equal(changed.status, 200);
  for (const old of [session, other]) assert.equal((await api.get("/v1/me", { session: old })).status, 401);
  assert.equal((await api.get("/v1/me", { session: changed.body.token })).status, 200);
  assert.equal((await logIn(email, PASSWORD)).status, 401);
  assert.equal((await logIn(email, "another horse")).status, 200);
  assert.equal((await api.get("/v1/sandboxes", { key })).status, 200, "keys are the team's, and stay");
});

test("A1: of two changes at the same moment one is made", async () => {
  const { email, session } = await plane.newMember();
  const answers = await Promise.all([
    change(session, PASSWORD, "first horse"),
    change(session, PASSWORD, "second horse"),
  ]);
  const statuses = answers.map(({ status }) => status).toSorted();
  assert.equal(statuses[0], 200);
  assert.notEqual(statuses[1], 200);
  const opened = await Promise.all([logIn(email, "first horse"), logIn(email, "second horse")]);
  assert.deepEqual(opened.map(({ status }) => status).toSorted(), [200, 401]);
});

test("A1: a password that was set on the machine ends the account's sessions, too", async () => {
  const { email, session } = await plane.newMember();
  await setPassword(db, email, "set by others");
  assert.equal((await api.get("/v1/me", { session })).status, 401);
});

test("A1: sessions are signed with the newest key, and those of the one before stay open until they end", async () => {
  const { email, session } = await plane.newMember();
  const kidOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid;
  const before = kidOf(session);
  const kid = await rotateSessionKey(db);
  const next = (await logIn(email, PASSWORD)).body.token;
  assert.deepEqual([kidOf(next), before !== kid], [kid, true]);
  for (const open of [session, next]) assert.equal((await api.get("/v1/me", { session: open })).status, 200);
  await db.deleteFrom("session_keys").where("kid", "=", before).execute();
  assert.equal((await api.get("/v1/me", { session })).status, 401, "its key is gone");
  assert.equal((await api.get("/v1/me", { session: next })).status, 200);
  await sql`update session_keys set created_at = now() - interval '31 days'`.execute(db);
  const third = (await logIn(email, PASSWORD)).body.token;
  assert.ok(![before, kid].includes(kidOf(third)), "a key is in use for 30 days");
  await endAllSessions(db);
  for (const ended of [next, third]) assert.equal((await api.get("/v1/me", { session: ended })).status, 401);
});

test("A1: an unknown email costs as much as a wrong password", async () => {
  const { email } = await plane.newMember();
  const took = async (who: string) => {
    const start = performance.now();
    await logIn(who, "wrong password");
    return performance.now() - start;
  };
  const known: number[] = [];
  const unknown: number[] = [];
  for (let round = 0; round < 21; round++) {
    known.push(await took(email));
    unknown.push(await took(`nobody-${round}@example.com`));
  }
  const median = (times: number[]) => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
  const ratio = median(unknown) / median(known);
  // Without the hash it is about a tenth.
  assert.ok(ratio > 0.5 && ratio < 2, `unknown emails take ${ratio.toFixed(2)} times as long`);
});
