import assert from "node:assert/strict";
import { test } from "node:test";
import { apiKeyToWire } from "./api-keys.ts";
import { hostToWire } from "./host-info.ts";
import { Roost } from "./roost.ts";
import { apiKeyWire, hostWire, instantTiming, ScriptedServer } from "./testing/testing.ts";

const SESSION = { token: "t.t.t", user_id: "usr-a", team_id: "team-a", email: "me@example.org" };

test("A1: signing up and logging in give a session", async () => {
  await using server = await ScriptedServer.start(() => ({ json: SESSION }));
  const { auth } = new Roost({ url: server.url });
  const credentials = { email: "me@example.org", password: "correct horse" };
  const session = { token: "t.t.t", userId: "usr-a", teamId: "team-a", email: "me@example.org" };
  assert.deepEqual(await auth.signup(credentials), session);
  assert.deepEqual(await auth.login(credentials), session);
  assert.deepEqual(
    server.requests.map(({ path, body }) => [path, JSON.parse(Buffer.from(body).toString())]),
    [
      ["/v1/auth/signup", credentials],
      ["/v1/auth/login", credentials],
    ],
  );
});

test("A1: a session tells whose it is", async () => {
  await using server = await ScriptedServer.start(() => ({
    json: {
      user: { id: "usr-a", email: "me@example.org", is_admin: true, created_at: "2025-01-02T03:04:05.000Z" },
      team_id: "team-a",
      teams: [{ id: "team-a", name: "mine", role: "owner" }],
    },
  }));
  assert.deepEqual(await new Roost({ url: server.url, token: "t" }).me(), {
    userId: "usr-a",
    email: "me@example.org",
    admin: true,
    createdAt: new Date("2025-01-02T03:04:05Z"),
    teamId: "team-a",
    teams: [{ id: "team-a", name: "mine", role: "owner" }],
  });
});

test("A3: keys are made, listed and deleted", async () => {
  await using server = await ScriptedServer.start(({ method }) => {
    if (method === "POST") return { status: 201, json: { ...apiKeyWire(), key: "rst_0123" } };
    return method === "GET" ? { json: [apiKeyWire({ last_used: "2025-02-03T04:05:06.000Z" })] } : { status: 204 };
  });
  const { apiKeys } = new Roost({ url: server.url, token: "t" });
  const made = await apiKeys.create("ci");
  assert.deepEqual([made.key, made.keyPrefix, made.lastUsed], ["rst_0123", "rst_01234567", null]);
  assert.deepEqual(apiKeyToWire(made), apiKeyWire());
  const [listed] = await Array.fromAsync(apiKeys.list());
  assert.deepEqual(listed?.lastUsed, new Date("2025-02-03T04:05:06Z"));
  await apiKeys.delete("key-a");
  assert.equal(server.requests[2]?.path, "/v1/api-keys/key-a");
});

test("A3: making a key is never repeated: its first answer would be a key that nobody knows", async () => {
  await using server = await ScriptedServer.start(() => ({ cutAfter: 0 }));
  const { apiKeys } = new Roost({ url: server.url, token: "t", timing: instantTiming() });
  await assert.rejects(apiKeys.create("ci"), { name: "RoostConnectionError" });
  assert.equal(server.requests.length, 1);
});

test("H9: hosts are made, listed, looked at and deleted", async () => {
  await using server = await ScriptedServer.start(({ method, path }) => {
    if (method === "POST") return { status: 201, json: { host: hostWire(), registration_token: "once" } };
    if (method === "DELETE") return { status: 204 };
    return { json: path === "/v1/hosts" ? [hostWire()] : hostWire({ last_heartbeat_at: null, status: "pending" }) };
  });
  const { hosts } = new Roost({ url: server.url, token: "t" });
  const made = await hosts.create({ type: "regular", availabilityZone: "a" });
  assert.deepEqual([made.registrationToken, made.host.cpuCores], ["once", 4]);
  assert.deepEqual(JSON.parse(Buffer.from(server.requests[0]?.body ?? []).toString()), {
    type: "regular",
    availability_zone: "a",
  });
  assert.deepEqual((await Array.fromAsync(hosts.list())).map(hostToWire), [hostWire()]);
  assert.equal((await hosts.get("host-a")).lastHeartbeatAt, null);
  assert.equal(await hosts.token("host-a"), "once");
  await hosts.delete("host-a");
  await hosts.deleteWithSandboxes("host-a");
  assert.deepEqual(
    server.requests.slice(-2).map(({ query }) => query.toString()),
    ["", "force=true"],
  );
});
