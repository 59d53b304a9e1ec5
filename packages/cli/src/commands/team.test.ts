import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  apiKeyWire,
  auditEventWire,
  ScriptedServer,
  type SeenRequest,
  teamInviteWire,
  teamMemberWire,
  teamWire,
} from "@roost/sdk/testing";
import { runHere } from "../testing/run-here.ts";
import { spawnRoost } from "../testing/spawn-roost.ts";
import { temporaryPlace } from "../testing/temporary-place.ts";

const NOW = new Date("2025-01-02T03:07:06Z");
const TEAM = teamWire().id;
const OTHER = teamWire({ id: "team-abcdefghijklmnopqrst", name: "boats", role: "member" });
const SESSION = { token: "new.token", user_id: "usr-mfzwizlnmvzwk3tfoi2a", team_id: OTHER.id, email: "me@example.org" };
const ME = {
  user: { id: SESSION.user_id, email: SESSION.email, is_admin: false, created_at: "2025-01-02T03:04:05.000Z" },
  team_id: TEAM,
  teams: [],
};
const AMOUNT = { used: 1, limit: null };

/** As a server with two teams, of which one is worked in, answers. */
function answer({ method, path }: SeenRequest) {
  const answers: Record<string, object> = {
    "GET /v1/me": ME,
    "GET /v1/teams": [teamWire(), OTHER],
    "POST /v1/teams": teamWire(),
    [`PATCH /v1/teams/${TEAM}`]: teamWire({ name: "planes" }),
    [`GET /v1/teams/${TEAM}/members`]: [teamMemberWire(), teamMemberWire({ id: "usr-b", email: "you@example.org" })],
    [`PATCH /v1/teams/${TEAM}/members/usr-b`]: teamMemberWire({ email: "you@example.org", role: "admin" }),
    [`POST /v1/teams/${OTHER.id}/invites`]: { ...teamInviteWire(), token: "rsti_0123" },
    [`GET /v1/teams/${TEAM}/invites`]: [teamInviteWire()],
    "POST /v1/invites/accept": OTHER,
    "POST /v1/auth/switch": SESSION,
    "POST /v1/auth/login": { ...SESSION, token: "first.token" },
    "POST /v1/auth/password": SESSION,
    "POST /v1/api-keys": { ...apiKeyWire(), key: "rst_0" },
    [`GET /v1/teams/${TEAM}/audit`]: [
      auditEventWire(),
      auditEventWire({ outcome: "failed", subject: null, address: null }),
    ],
    "GET /v1/limits": {
      sandboxes: { used: 1, limit: 5 },
      vcpus: AMOUNT,
      memory_mb: AMOUNT,
      snapshots: AMOUNT,
      disk_mb: AMOUNT,
    },
  };
  const json = answers[`${method} ${path}`];
  return json === undefined ? { status: 204 } : { json };
}

async function ground() {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await temporaryPlace());
  const server = stack.use(await ScriptedServer.start(answer));
  await place.writeUserConfig({ url: server.url, token: "my.token" });
  const resources = stack.move();
  const sent = (at = -1) => {
    const request = server.requests.at(at);
    const body = Buffer.from(request?.body ?? []).toString();
    return [`${request?.method} ${request?.path}`, body === "" ? undefined : JSON.parse(body)];
  };
  return {
    place,
    server,
    sent,
    run: (...args: string[]) => runHere(args, { env: place.env, now: NOW }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

test("A2: teams are listed with the one that is worked in marked, made, and named anew", async () => {
  await using at = await ground();
  assert.equal(
    (await at.run("team", "ls")).stdout,
    [
      "    ID                          NAME      ROLE     CREATED\n",
      "*   team-mfzwizlnmvzwk3tfoi2a   rockets   owner    3 minutes ago\n",
      "    team-abcdefghijklmnopqrst   boats     member   3 minutes ago\n",
    ].join(""),
  );
  assert.equal((await at.run("team", "create", "rockets")).stdout, `${TEAM}\n`);
  assert.equal((await at.run("team", "rename", "planes")).stdout, "planes\n");
  assert.deepEqual(at.sent(), [`PATCH /v1/teams/${TEAM}`, { name: "planes" }]);
});

test("A2: members are listed, given roles and removed by their emails", async () => {
  await using at = await ground();
  assert.match((await at.run("team", "members")).stdout, /usr-b\s+you@example\.org\s+owner\s+3 minutes ago\n$/);
  assert.match((await at.run("team", "role", "You@example.org", "admin")).stderr, /^you@example\.org is admin now/);
  assert.deepEqual(at.sent(), [`PATCH /v1/teams/${TEAM}/members/usr-b`, { role: "admin" }]);
  assert.equal((await at.run("team", "remove", "you@example.org")).stdout, "you@example.org\n");
  assert.equal(at.sent()[0], `DELETE /v1/teams/${TEAM}/members/usr-b`);
  await at.run("team", "leave", "--team", "boats");
  assert.equal(at.sent()[0], `DELETE /v1/teams/${OTHER.id}/members/${SESSION.user_id}`);
  const nobody = await at.run("team", "remove", "who@example.org");
  assert.deepEqual(
    [nobody.exitCode, nobody.stderr],
    [1, "roost: Nobody in the team is “who@example.org”; roost team members lists all.\n"],
  );
  assert.equal((await at.run("team", "role", "you@example.org", "king")).exitCode, 2);
});

test("A2: an invitation's token is printed once, and read from standard input, never from an argument", async () => {
  await using at = await ground();
  const made = await at.run("team", "invite", "you@example.org", "--role", "admin", "--team", "boats");
  assert.deepEqual([made.exitCode, made.stdout], [0, "rsti_0123\n"]);
  assert.deepEqual(at.sent()[1], { email: "you@example.org", role: "admin" });
  assert.match((await at.run("team", "invites")).stdout, /inv-mfz\S+\s+you@example\.org\s+member/);
  assert.equal((await at.run("team", "uninvite", "inv-a")).stdout, "inv-a\n");
  const joined = await spawnRoost(["team", "join"], { env: at.place.env, input: "rsti_0123\n" });
  assert.deepEqual([joined.exitCode, joined.stdout.toString()], [0, `${OTHER.id}\n`]);
  assert.deepEqual(at.sent(), ["POST /v1/invites/accept", { token: "rsti_0123" }]);
  assert.equal((await at.run("team", "join", "rsti_0123")).exitCode, 2);
});

test("A1: switching keeps the new session, and login opens one for the team that is named", async () => {
  await using at = await ground();
  assert.match((await at.run("team", "switch", "boats")).stderr, /^me@example\.org acts for boats now/);
  assert.deepEqual(at.sent(), ["POST /v1/auth/switch", { team_id: OTHER.id }]);
  const stored = async () => JSON.parse(await readFile(at.place.userConfigPath, "utf8")).token;
  assert.equal(await stored(), "new.token");
  const args = ["login", "--email", "me@example.org", "--password-stdin", "--team", OTHER.id];
  await spawnRoost(args, { env: at.place.env, input: "correct horse" });
  assert.equal(at.server.requests.at(-1)?.headers.get("authorization"), "Bearer first.token");
  assert.equal(await stored(), "new.token");
});

test("A1: a password is changed with the two on standard input, and the new session kept", async () => {
  await using at = await ground();
  const ran = await spawnRoost(["password", "--stdin"], { env: at.place.env, input: "old horse\nnew horse\n" });
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.deepEqual(at.sent()[1], { current_password: "old horse", new_password: "new horse" });
  assert.equal(JSON.parse(await readFile(at.place.userConfigPath, "utf8")).token, "new.token");
  assert.equal((await spawnRoost(["password"], { env: at.place.env })).exitCode, 2);
});

test("a key can be made to end", async () => {
  await using at = await ground();
  await at.run("key", "create", "ci", "--expires", "90");
  assert.deepEqual(at.sent()[1], { name: "ci", expires_at: "2025-04-02T03:07:06.000Z" });
  assert.equal((await at.run("key", "create", "ci", "--expires", "soon")).exitCode, 2);
});

test("the record of changes, and the limits, are shown", async () => {
  await using at = await ground();
  const [, first, second] = (await at.run("team", "audit")).stdout.split("\n");
  assert.match(first ?? "", /^2025-01-02T03:04:05\.000Z\s+me@example\.org\s+192\.0\.2\.1\s+api-key\.create\s+key-mfz/);
  assert.match(second ?? "", /-\s+api-key\.create \(failed\)\s+-$/);
  assert.equal(JSON.parse((await at.run("team", "audit", "--limit", "1", "--json")).stdout).length, 1);
  assert.match((await at.run("team", "limits")).stdout, /sandboxes\s+1\s+5\n.*vCPUs at work\s+1\s+any\n/);
});
