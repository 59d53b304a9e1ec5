/** `admin.ts` as a process: what only the machine's owner may do. The rest is in admin.test.ts. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { makeDatabase } from "../testing/database.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api, config } = plane;

async function admin(args: readonly string[], input = "", databaseUrl = config.databaseUrl) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../admin.ts"), ...args], {
    cwd: import.meta.dirname,
    env: { PATH: process.env.PATH ?? "", DATABASE_URL: databaseUrl },
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code, out, err };
}

test("platform admins are made of accounts, listed and unmade, at once", async () => {
  const member = await plane.newMember();
  const isAdmin = async () => (await api.get("/v1/me", { session: member.session })).body.user.is_admin;
  assert.equal((await admin(["grant", "--email", member.email])).code, 0);
  assert.equal(await isAdmin(), true);
  assert.equal((await api.post("/v1/hosts", { session: member.session, json: {} })).status, 201);
  const listed = JSON.parse((await admin(["list", "--json"])).out);
  assert.ok(listed.some(({ email }: { email: string }) => email === member.email));
  assert.equal((await admin(["revoke", "--email", member.email])).code, 0);
  assert.equal(await isAdmin(), false);
  const log = (await admin(["audit"])).out;
  assert.match(log, /on the machine {2}- {2}admin\.revoke/);
  assert.equal((await admin(["grant", "--email", "nobody@example.com"])).code, 1);
});

test("a team's limits are set, and given back to the settings", async () => {
  const { teamId: team, key } = plane.admin;
  const args = ["limits", "--team", team, "--sandboxes", "3", "--memory-mb", "0"];
  assert.match((await admin(args)).out, /^sandboxes: 3\nmemory_mb: 0\n$/);
  const limits = (await api.get("/v1/limits", { key })).body;
  assert.deepEqual([limits.sandboxes.limit, limits.memory_mb.limit], [3, null]);
  await admin(["limits", "--team", team, "--sandboxes", "default"]);
  assert.equal((await api.get("/v1/limits", { key })).body.sandboxes.limit, config.teamLimits.sandboxes);
  for (const bad of [["limits"], ["limits", "--team", team], ["limits", "--team", team, "--vcpus", "many"]]) {
    assert.equal((await admin(bad)).code, 2);
  }
});

test("session keys are changed, and everyone's sessions ended", async () => {
  const { session } = await plane.newMember();
  assert.equal((await admin(["sessions", "rotate"])).code, 0);
  assert.equal((await api.get("/v1/me", { session })).status, 200);
  assert.equal((await admin(["sessions", "end"])).code, 0);
  assert.equal((await api.get("/v1/me", { session })).status, 401);
  assert.equal((await admin(["sessions"])).code, 2);
});

test("a backup goes from one database through a pipe into another", async () => {
  await using target = await makeDatabase();
  const made = await admin(["backup"]);
  assert.equal(made.code, 0, made.err);
  assert.match(made.err, /^Wrote \d+ rows\.\n$/);
  const restored = await admin(["restore", "--json"], made.out, target.url);
  assert.equal(restored.code, 0, restored.err);
  assert.ok(JSON.parse(restored.out).rows > 5);
  const again = await admin(["restore"], made.out, target.url);
  assert.deepEqual([again.code, again.out], [1, ""]);
  assert.match(again.err, /in use/);
});
