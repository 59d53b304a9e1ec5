import assert from "node:assert/strict";
import { test } from "node:test";
import { Roost } from "./roost.ts";
import { auditEventToWire, inviteToWire, memberToWire, teamToWire } from "./team-info.ts";
import {
  type Answer,
  auditEventWire,
  ScriptedServer,
  teamInviteWire,
  teamMemberWire,
  teamWire,
} from "./testing/testing.ts";

const TEAM = "team-mfzwizlnmvzwk3tfoi2a";

/** What each call sends, and what it makes of the answer. */
const CALLS: readonly [string, Answer, (roost: Roost) => Promise<unknown>, unknown, object?][] = [
  [
    "GET /v1/teams",
    { json: [teamWire()] },
    async ({ teams }) => (await Array.fromAsync(teams.list())).map(teamToWire),
    [teamWire()],
  ],
  [`GET /v1/teams/${TEAM}`, { json: teamWire() }, async ({ teams }) => teamToWire(await teams.get(TEAM)), teamWire()],
  [
    "POST /v1/teams",
    { status: 201, json: teamWire() },
    async ({ teams }) => teamToWire(await teams.create("rockets")),
    teamWire(),
    { name: "rockets" },
  ],
  [
    `PATCH /v1/teams/${TEAM}`,
    { json: teamWire({ name: "boats" }) },
    async ({ teams }) => (await teams.rename(TEAM, "boats")).name,
    "boats",
    { name: "boats" },
  ],
  [
    `GET /v1/teams/${TEAM}/members`,
    { json: [teamMemberWire()] },
    async ({ teams }) => (await Array.fromAsync(teams.members(TEAM))).map(memberToWire),
    [teamMemberWire()],
  ],
  [
    `PATCH /v1/teams/${TEAM}/members/usr-a`,
    { json: teamMemberWire({ role: "admin" }) },
    async ({ teams }) => (await teams.setRole(TEAM, "usr-a", "admin")).role,
    "admin",
    { role: "admin" },
  ],
  [
    `DELETE /v1/teams/${TEAM}/members/usr-a`,
    { status: 204 },
    ({ teams }) => teams.removeMember(TEAM, "usr-a"),
    undefined,
  ],
  [
    `POST /v1/teams/${TEAM}/invites`,
    { status: 201, json: { ...teamInviteWire(), token: "rsti_0123" } },
    async ({ teams }) => (await teams.invite(TEAM, { email: "you@example.org", role: "admin" })).token,
    "rsti_0123",
    { email: "you@example.org", role: "admin" },
  ],
  [
    `GET /v1/teams/${TEAM}/invites`,
    { json: [teamInviteWire()] },
    async ({ teams }) => (await Array.fromAsync(teams.invites(TEAM))).map(inviteToWire),
    [teamInviteWire()],
  ],
  [
    `DELETE /v1/teams/${TEAM}/invites/inv-a`,
    { status: 204 },
    ({ teams }) => teams.deleteInvite(TEAM, "inv-a"),
    undefined,
  ],
  [
    "POST /v1/invites/accept",
    { json: teamWire() },
    async ({ teams }) => teamToWire(await teams.acceptInvite("rsti_0123")),
    teamWire(),
    { token: "rsti_0123" },
  ],
  [
    `GET /v1/teams/${TEAM}/audit`,
    { json: [auditEventWire()] },
    async ({ teams }) => (await Array.fromAsync(teams.audit(TEAM))).map(auditEventToWire),
    [auditEventWire()],
  ],
];

for (const [request, answer, call, result, body] of CALLS) {
  test(`A2: ${request.replaceAll(TEAM, "{id}")}`, async () => {
    await using server = await ScriptedServer.start(() => answer);
    assert.deepEqual(await call(new Roost({ url: server.url, token: "t.t.t" })), result);
    const [seen] = server.requests;
    assert.equal(`${seen?.method} ${seen?.path}`, request);
    assert.equal(seen?.headers.get("authorization"), "Bearer t.t.t");
    const sent = Buffer.from(seen?.body ?? []).toString();
    assert.deepEqual(sent === "" ? undefined : JSON.parse(sent), body);
  });
}

test("a team's limits are told with what it has", async () => {
  const none = { used: 3, limit: null };
  await using server = await ScriptedServer.start(() => ({
    json: { sandboxes: { used: 1, limit: 5 }, vcpus: none, memory_mb: none, snapshots: none, disk_mb: none },
  }));
  const { sandboxes, memoryMb } = await new Roost({ url: server.url, apiKey: "rst_0" }).teams.limits();
  assert.deepEqual([sandboxes, memoryMb], [{ used: 1, limit: 5 }, none]);
});

test("A1: switching teams and changing the password give a new session", async () => {
  const opened = { token: "n.n.n", user_id: "usr-a", team_id: TEAM, email: "me@example.org" };
  await using server = await ScriptedServer.start(() => ({ json: opened }));
  const { auth } = new Roost({ url: server.url, token: "t.t.t" });
  const session = { token: "n.n.n", userId: "usr-a", teamId: TEAM, email: "me@example.org" };
  assert.deepEqual(await auth.switchTeam(TEAM), session);
  assert.deepEqual(await auth.changePassword("old horse", "new horse"), session);
  await auth.signup({ email: "me@example.org", password: "new horse" }, { invite: "rsti_0" });
  assert.deepEqual(
    server.requests.map(({ path, body }) => [path, JSON.parse(Buffer.from(body).toString())]),
    [
      ["/v1/auth/switch", { team_id: TEAM }],
      ["/v1/auth/password", { current_password: "old horse", new_password: "new horse" }],
      ["/v1/auth/signup", { email: "me@example.org", password: "new horse", invite: "rsti_0" }],
    ],
  );
});
