import assert from "node:assert/strict";
import { after, test } from "node:test";
import { sql } from "kysely";
import { type Member, startTestControlPlane } from "../testing/control-plane.ts";
import { until } from "../testing/until.ts";
import { lockTeam } from "./roles.ts";

const plane = await startTestControlPlane({ ROOST_USER_MAX_TEAMS: "3" });
after(() => plane[Symbol.asyncDispose]());
const { api, db } = plane;

/** Brings someone into the team, by an invitation. */
async function join(owner: Member, role: "owner" | "admin" | "member", teamId = owner.teamId): Promise<Member> {
  const joiner = await plane.newMember();
  const invite = await api.post(`/v1/teams/${teamId}/invites`, {
    session: owner.session,
    json: { email: joiner.email.toUpperCase(), role },
  });
  assert.equal(invite.status, 201);
  const accepted = await api.post("/v1/invites/accept", {
    session: joiner.session,
    json: { token: invite.body.token },
  });
  assert.deepEqual([accepted.status, accepted.body.role], [200, role]);
  const switched = await api.post("/v1/auth/switch", { session: joiner.session, json: { team_id: teamId } });
  assert.equal(switched.status, 200);
  return { ...joiner, session: switched.body.token, teamId };
}

function members(of: Member) {
  return api.get(`/v1/teams/${of.teamId}/members`, { session: of.session });
}

function setRole(by: Member, whom: Member, role: string) {
  return api.patch(`/v1/teams/${by.teamId}/members/${whom.userId}`, { session: by.session, json: { role } });
}

/** How many connections of this database wait for a lock. */
async function waiting(): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
  return rows[0]?.count ?? 0;
}

function remove(by: Member, whom: Member) {
  return api.delete(`/v1/teams/${by.teamId}/members/${whom.userId}`, { session: by.session });
}

test("A2: teams are made, listed, shown and renamed by those in them, and are not there for others", async () => {
  const [owner, stranger] = [await plane.newMember(), await plane.newMember()];
  const made = await api.post("/v1/teams", { session: owner.session, json: { name: "rockets ü" } });
  assert.deepEqual([made.status, made.body.name, made.body.role], [201, "rockets ü", "owner"]);
  const path = `/v1/teams/${made.body.id}`;
  const listed = await api.get("/v1/teams", { session: owner.session });
  assert.deepEqual(listed.body.map(({ id }: { id: string }) => id).toSorted(), [made.body.id, owner.teamId].toSorted());
  const first = await api.get("/v1/teams?limit=1", { session: owner.session });
  assert.match(first.headers.get("link") ?? "", /rel="next"/);
  const renamed = await api.patch(path, { session: owner.session, json: { name: "boats" } });
  assert.deepEqual([renamed.status, renamed.body.name], [200, "boats"]);
  assert.equal((await api.get(path, { session: owner.session })).body.name, "boats");
  for (const answer of [
    await api.get(path, { session: stranger.session }),
    await api.patch(path, { session: stranger.session, json: { name: "mine" } }),
    await api.get(`${path}/members`, { session: stranger.session }),
    await api.get(`${path}/invites`, { session: stranger.session }),
    await api.get(`${path}/audit`, { session: stranger.session }),
    await api.post(`${path}/invites`, { session: stranger.session, json: { email: "a@b.c" } }),
    await api.post("/v1/auth/switch", { session: stranger.session, json: { team_id: made.body.id } }),
  ]) {
    assert.equal(answer.status, 404);
    const nowhere = await api.get("/v1/teams/team-aaaaaaaaaaaaaaaaaaaa", { session: stranger.session });
    assert.deepEqual(answer.body, nowhere.body);
  }
});

test("a user owns as many teams as they may, also when they ask for several at once", async () => {
  const { session } = await plane.newMember();
  const answers = await Promise.all(
    [1, 2, 3, 4].map((n) => api.post("/v1/teams", { session, json: { name: `t${n}` } })),
  );
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 201, 409, 409]);
  assert.equal(answers.find(({ status }) => status === 409)?.body.error.code, "limit_reached");
});

test("A2: whom a team invites comes in as what they were invited as, once, and acts for it", async () => {
  const owner = await plane.newMember();
  const member = await join(owner, "member");
  const { body } = await members(member);
  assert.deepEqual(
    body.map(({ id, role }: { id: string; role: string }) => [id, role]),
    [
      [member.userId, "member"],
      [owner.userId, "owner"],
    ],
  );
  assert.equal((await api.get("/v1/me", { session: member.session })).body.team_id, owner.teamId);
  assert.equal((await api.get("/v1/me", { session: member.session })).body.teams.length, 2);
});

test("an invitation is for one email, once, for a week, and can be taken back or replaced", async () => {
  const [owner, guest, other] = [await plane.newMember(), await plane.newMember(), await plane.newMember()];
  const path = `/v1/teams/${owner.teamId}/invites`;
  const invite = () => api.post(path, { session: owner.session, json: { email: guest.email } });
  const accept = (who: Member, token: string) =>
    api.post("/v1/invites/accept", { session: who.session, json: { token } });
  const [replaced, current] = [(await invite()).body, (await invite()).body];
  assert.equal((await accept(guest, replaced.token)).status, 404, "replaced");
  assert.equal((await accept(other, current.token)).status, 404, "another's");
  const listed = await api.get(path, { session: owner.session });
  assert.deepEqual(
    listed.body.map(({ id, email }: { id: string; email: string }) => [id, email]),
    [[current.id, guest.email]],
  );
  assert.doesNotMatch(JSON.stringify(listed.body), /rsti_/);
  await db.updateTable("team_invites").set({ expires_at: sql<Date>`now()` }).where("id", "=", current.id).execute();
  assert.equal((await accept(guest, current.token)).status, 404, "ended");
  assert.deepEqual((await api.get(path, { session: owner.session })).body, []);
  const taken = (await invite()).body;
  assert.equal((await api.delete(`${path}/${taken.id}`, { session: owner.session })).status, 204);
  assert.equal((await api.delete(`${path}/${taken.id}`, { session: owner.session })).status, 404);
  assert.equal((await accept(guest, taken.token)).status, 404, "taken back");
  const last = (await invite()).body;
  const answers = await Promise.all([accept(guest, last.token), accept(guest, last.token)]);
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 404], "once");
  assert.equal((await invite()).status, 409, "in the team already");
});

test("members look, admins let members in and out, only owners touch owners", async () => {
  const owner = await plane.newMember();
  const [admin, second, member] = [await join(owner, "admin"), await join(owner, "admin"), await join(owner, "member")];
  const invite = (by: Member, role: string) =>
    api.post(`/v1/teams/${owner.teamId}/invites`, { session: by.session, json: { email: "new@example.com", role } });
  const statuses = async (...answers: Promise<{ status: number }>[]) =>
    (await Promise.all(answers)).map(({ status }) => status);
  assert.deepEqual(
    await statuses(
      members(member),
      invite(member, "member"),
      setRole(member, member, "admin"),
      remove(member, admin),
      api.patch(`/v1/teams/${owner.teamId}`, { session: member.session, json: { name: "mine" } }),
      api.get(`/v1/teams/${owner.teamId}/invites`, { session: member.session }),
      api.get(`/v1/teams/${owner.teamId}/audit`, { session: member.session }),
    ),
    [200, 403, 403, 403, 403, 403, 403],
  );
  assert.deepEqual(
    await statuses(
      invite(admin, "owner"),
      setRole(admin, admin, "owner"),
      setRole(admin, owner, "member"),
      remove(admin, owner),
    ),
    [403, 403, 403, 403],
  );
  assert.equal((await invite(admin, "admin")).status, 201);
  assert.equal((await setRole(admin, member, "admin")).body.role, "admin");
  assert.equal((await setRole(admin, second, "member")).status, 200);
  assert.equal((await remove(admin, second)).status, 204);
  assert.equal((await setRole(owner, admin, "owner")).status, 200);
  assert.equal((await setRole(admin, owner, "member")).status, 200, "an owner now");
});

test("a team is never without an owner, also when two go at the same moment", async () => {
  const owner = await plane.newMember();
  assert.equal((await setRole(owner, owner, "member")).status, 409);
  assert.equal((await remove(owner, owner)).status, 409);
  const second = await join(owner, "owner");
  const leaving = await db.transaction().execute(async (trx) => {
    await lockTeam(trx, owner.teamId);
    const both = [remove(owner, owner), remove(second, second)];
    // Each has found nothing out yet: it waits for its turn.
    await until("both wait for the team", async () => (await waiting()) >= 2);
    return { both };
  });
  const statuses = (await Promise.all(leaving.both)).map(({ status }) => status);
  assert.deepEqual(statuses.toSorted(), [204, 409]);
  const left = await db.selectFrom("users_teams").where("team_id", "=", owner.teamId).select("role").execute();
  assert.deepEqual(left, [{ role: "owner" }]);
});

test("A2: who was removed is out at once: sessions, keys and invitations of theirs open nothing", async () => {
  const owner = await plane.newMember();
  const admin = await join(owner, "admin");
  const { body: made } = await api.post("/v1/api-keys", { session: admin.session, json: { name: "theirs" } });
  const guest = await plane.newMember();
  const invite = { session: admin.session, json: { email: guest.email } };
  const { body: invited } = await api.post(`/v1/teams/${owner.teamId}/invites`, invite);
  assert.equal((await api.get("/v1/sandboxes", { key: made.key })).status, 200);
  assert.equal((await remove(owner, admin)).status, 204);
  assert.equal((await api.get("/v1/sandboxes", { session: admin.session })).status, 401);
  assert.equal((await api.get("/v1/sandboxes", { key: made.key })).status, 401);
  const late = await api.post("/v1/invites/accept", { session: guest.session, json: { token: invited.token } });
  assert.equal(late.status, 404);
  assert.equal((await api.get("/v1/sandboxes", { key: owner.key })).status, 200, "others' keys stay");
  assert.equal((await remove(owner, admin)).status, 404);
});

test("who is in no team any more gets one of their own at the next log-in", async () => {
  const [owner, guest] = [await plane.newMember(), await plane.newMember()];
  const elsewhere = await join(owner, "member");
  await db.deleteFrom("users_teams").where("user_id", "in", [elsewhere.userId, guest.userId]).execute();
  const again = await api.post("/v1/auth/login", { json: { email: guest.email, password: "correct horse battery" } });
  assert.equal(again.status, 200);
  const { body } = await api.get("/v1/me", { session: again.body.token });
  assert.deepEqual([body.teams.length, body.teams[0].role], [1, "owner"]);
  assert.notEqual(body.team_id, guest.teamId);
});
