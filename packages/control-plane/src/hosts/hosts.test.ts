import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, admin, db } = plane;

test("H9: an admin announces a shared host, which waits for its machine", async () => {
  const json = { provider: "attic", availability_zone: "home-1" };
  const { status, body } = await api.post("/v1/hosts", { session: admin.session, json });
  assert.equal(status, 201);
  assert.match(body.registration_token, /^rsth_[0-9a-f]{64}$/);
  const { host } = body;
  assert.deepEqual(
    [host.type, host.status, host.team_id, host.provider, host.availability_zone, host.created_by, host.tags],
    ["regular", "pending", null, "attic", "home-1", admin.userId, []],
  );
  assert.deepEqual([host.address, host.vmm, host.memory_mb, host.last_heartbeat_at], [null, null, null, null]);
  assert.deepEqual((await api.get(`/v1/hosts/${host.id}`, { session: admin.session })).body, host);
});

test("H9: who is no admin makes and sees no shared host, but their team's own", async () => {
  const owner = await plane.newMember();
  const refused = await api.post("/v1/hosts", { session: owner.session, json: {} });
  assert.deepEqual([refused.status, refused.body.error.code], [403, "forbidden"]);
  const made = await api.post("/v1/hosts", { session: owner.session, json: { type: "byoc" } });
  assert.deepEqual([made.body.host.type, made.body.host.team_id], ["byoc", owner.teamId]);
  const listed = await api.get("/v1/hosts", { session: owner.session });
  assert.deepEqual(
    listed.body.map((host: { id: string }) => host.id),
    [made.body.host.id],
  );
});

test("H9: a member who owns nothing of the team changes none of its hosts", async () => {
  const member = await plane.newMember();
  const made = await api.post("/v1/hosts", { session: member.session, json: { type: "byoc" } });
  await db.updateTable("users_teams").set({ role: "member" }).where("user_id", "=", member.userId).execute();
  const { session } = member;
  assert.equal((await api.post("/v1/hosts", { session, json: { type: "byoc" } })).status, 403);
  assert.equal((await api.delete(`/v1/hosts/${made.body.host.id}`, { session })).status, 403);
  assert.equal((await api.post(`/v1/hosts/${made.body.host.id}/token`, { session })).status, 403);
  assert.equal((await api.get(`/v1/hosts/${made.body.host.id}`, { session })).status, 200);
});

test("A2: another team's host, and to who is no admin a shared one, is not there", async () => {
  const [owner, stranger] = [await plane.newMember(), await plane.newMember()];
  const theirs = await api.post("/v1/hosts", { session: owner.session, json: { type: "byoc" } });
  const shared = await api.post("/v1/hosts", { session: admin.session, json: {} });
  const { session } = stranger;
  for (const id of [theirs.body.host.id, shared.body.host.id, "host-aaaaaaaaaaaaaaaaaaaa", "x"]) {
    assert.equal((await api.get(`/v1/hosts/${id}`, { session })).status, 404);
    assert.equal((await api.delete(`/v1/hosts/${id}`, { session })).status, 404);
    assert.equal((await api.post(`/v1/hosts/${id}/token`, { session })).status, 404);
  }
  // An admin's own team is not the owner's either.
  assert.equal((await api.get(`/v1/hosts/${theirs.body.host.id}`, { session: admin.session })).status, 404);
});

test("A2: a team's own host takes no other team's sandboxes", async () => {
  await using team = await teamWithHosts(plane);
  const stranger = await plane.newMember();
  const answer = await api.post("/v1/sandboxes", { key: stranger.key });
  assert.equal(answer.status, 503);
  assert.equal(team.peer.agent.creates.length, 0);
});

test("bad announcements are 400", async () => {
  for (const json of [{ type: "cloud" }, { provider: "" }, { provider: "\0" }, { zone: "a" }]) {
    assert.equal((await api.post("/v1/hosts", { session: admin.session, json })).status, 400, JSON.stringify(json));
  }
});

test("H1: a new token for a host that has not joined makes the old one void; a joined host needs none", async () => {
  const announced = await api.post("/v1/hosts", { session: admin.session, json: {} });
  const renewed = await api.post(`/v1/hosts/${announced.body.host.id}/token`, { session: admin.session });
  assert.equal(renewed.status, 201);
  const old = await api.post("/v1/hosts/register", { json: { token: announced.body.registration_token } });
  assert.equal(old.status, 401);
  const fresh = await api.post("/v1/hosts/register", { json: { token: renewed.body.registration_token } });
  assert.equal(fresh.status, 400, "the token is good, the rest is missing");
  await using team = await teamWithHosts(plane);
  const joined = await api.post(`/v1/hosts/${team.peer.id}/token`, { session: team.member.session });
  assert.deepEqual([joined.status, joined.body.error.code], [409, "conflict"]);
});

test("a host with sandboxes is not deleted, and the answer names them", async () => {
  await using team = await teamWithHosts(plane);
  const ids = [await team.create(), await team.create()];
  const gone = await team.create();
  await api.delete(`/v1/sandboxes/${gone}`, { key: team.member.key });
  const answer = await api.delete(`/v1/hosts/${team.peer.id}`, { session: team.member.session });
  assert.deepEqual([answer.status, answer.body.error.code], [409, "host_has_sandboxes"]);
  assert.deepEqual(answer.body.error.sandbox_ids, ids.toSorted());
});

test("a host without sandboxes is deleted; its heartbeats are answered 410, its stopped sandboxes stay listed", async () => {
  await using team = await teamWithHosts(plane);
  const { session, key } = team.member;
  const id = await team.create();
  await api.delete(`/v1/sandboxes/${id}`, { key });
  assert.equal((await api.delete(`/v1/hosts/${team.peer.id}`, { session })).status, 204);
  assert.equal((await api.get(`/v1/hosts/${team.peer.id}`, { session })).status, 404);
  assert.equal((await team.peer.heartbeat()).status, 410);
  const refresh = await api.post("/v1/hosts/auth/refresh", { json: { refresh_token: team.peer.refreshToken } });
  assert.equal(refresh.status, 401);
  const shown = await api.get(`/v1/sandboxes/${id}`, { key });
  assert.deepEqual([shown.body.status, shown.body.host_id], ["stopped", null]);
  assert.equal((await api.delete(`/v1/hosts/${team.peer.id}`, { session })).status, 404);
});

test("with force a host's sandboxes are destroyed first", async () => {
  await using team = await teamWithHosts(plane);
  const { session, key } = team.member;
  const id = await team.create();
  assert.equal((await api.delete(`/v1/hosts/${team.peer.id}?force=true`, { session })).status, 204);
  assert.equal(team.peer.agent.sandboxes.size, 0);
  assert.equal((await api.get(`/v1/sandboxes/${id}`, { key })).body.status, "stopped");
});

test("a silent host is not deleted with force while it may have sandboxes, and gets no new ones", async () => {
  await using team = await teamWithHosts(plane);
  const { session, key } = team.member;
  const id = await team.create();
  await team.peer.goSilent();
  const answer = await api.delete(`/v1/hosts/${team.peer.id}?force=true`, { session });
  assert.deepEqual([answer.status, answer.body.error.code], [503, "host_unavailable"]);
  assert.equal((await api.get(`/v1/sandboxes/${id}`, { key })).body.status, "stopping");
  const host = await api.get(`/v1/hosts/${team.peer.id}`, { session });
  assert.equal(host.body.status, "draining");
  assert.equal((await api.post("/v1/sandboxes", { key })).status, 503);
  assert.equal((await api.delete(`/v1/hosts/${team.peer.id}?force=maybe`, { session })).status, 400);
});

test("a heartbeat brings a host that was offline or unreachable back online, and not one that drains", async () => {
  await using team = await teamWithHosts(plane);
  const { peer } = team;
  for (const [from, to] of [
    ["offline", "online"],
    ["unreachable", "online"],
    ["draining", "draining"],
  ] as const) {
    await db.updateTable("hosts").set({ status: from, last_heartbeat_at: null }).where("id", "=", peer.id).execute();
    assert.equal((await peer.heartbeat()).status, 204);
    const { body } = await api.get(`/v1/hosts/${peer.id}`, { session: team.member.session });
    assert.equal(body.status, to);
    assert.ok(body.last_heartbeat_at);
  }
});

test("a heartbeat under another host's id is 403", async () => {
  await using team = await teamWithHosts(plane, 2);
  const [first, second] = team.peers;
  const call = { host: first?.token ?? "", json: first?.agent.heartbeat() };
  const answer = await api.post(`/v1/hosts/${second?.id}/heartbeat`, call);
  assert.deepEqual([answer.status, answer.body.error.code], [403, "forbidden"]);
});
