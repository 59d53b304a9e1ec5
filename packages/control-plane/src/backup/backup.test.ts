import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { type Database, openDatabase } from "../db/database.ts";
import { migrateUp, migrateUpTo } from "../db/migrate.ts";
import { setTeamLimits } from "../teams/limits.ts";
import { PASSWORD, startTestControlPlane } from "../testing/control-plane.ts";
import { makeDatabase } from "../testing/database.ts";
import { teamWithHosts } from "../testing/team.ts";
import { backUp } from "./backup.ts";
import { restore } from "./restore.ts";
import { tablesInOrder } from "./tables-in-order.ts";

async function emptyDatabase() {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await makeDatabase());
  const db = openDatabase({ url: database.url, maxConnections: 2, onIdleError: () => {} });
  stack.defer(() => db.destroy());
  const resources = stack.move();
  return { db, url: database.url, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function linesOf(db: Database): Promise<string[]> {
  const lines: string[] = [];
  await backUp(db, async (line) => void lines.push(line), new Date(0));
  return lines;
}

async function* of(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

test("a backup that is restored elsewhere has every row of every table, and its people, keys and hosts go on", async () => {
  await using plane = await startTestControlPlane();
  await using team = await teamWithHosts(plane);
  const { api, db } = plane;
  const { member, peer } = team;
  const sandbox = await team.create({ metadata: { "ü\\": "\"'\u{1f600}" } });
  await api.post("/v1/snapshots", { key: member.key, json: { sandbox_id: sandbox, name: "kept" } });
  await api.post(`/v1/teams/${member.teamId}/invites`, { session: member.session, json: { email: "a@b.c" } });
  await api.post("/v1/sandboxes", { key: member.key, headers: { "idempotency-key": "once" } });
  await api.post("/v1/hosts/auth/refresh", { json: { refresh_token: peer.refreshToken } });
  await setTeamLimits(db, member.teamId, { sandboxes: 7 });
  await sql`insert into host_tags values (${peer.id}, 'fast')`.execute(db);
  const lines = await linesOf(db);
  for (const table of await tablesInOrder(db)) {
    assert.ok(
      lines.some((line) => line.startsWith(`{"table":"${table}"`)),
      `${table} has rows`,
    );
  }
  await using other = await emptyDatabase();
  assert.equal(await restore(other.db, of(lines)), lines.length - 2);
  assert.deepEqual((await linesOf(other.db)).slice(1), lines.slice(1));
  const settings = { DATABASE_URL: other.url, ROOST_SECRET: plane.config.secret.toString() };
  await using again = await startTestControlPlane(settings);
  assert.equal((await again.api.get("/v1/me", { session: member.session })).status, 200);
  assert.equal(
    (await again.api.get(`/v1/sandboxes/${sandbox}`, { key: member.key })).body.metadata["ü\\"],
    "\"'\u{1f600}",
  );
  const json = { email: member.email, password: PASSWORD };
  assert.equal((await again.api.post("/v1/auth/login", { json })).status, 200);
  const beat = { host: peer.token, json: peer.agent.heartbeat() };
  assert.equal((await again.api.post(`/v1/hosts/${peer.id}/heartbeat`, beat)).status, 204);
  const renewed = await again.api.post("/v1/hosts", { session: member.session, json: { type: "byoc" } });
  assert.equal(renewed.status, 201, "the database counts on where it had come to");
});

test("a backup of an earlier Roost is restored as it was, and brought up to date", async () => {
  await using earlier = await emptyDatabase();
  await migrateUpTo(earlier.db, ["001-initial", "002-snapshots"]);
  await sql`insert into users (id, email, password_hash) values ('usr-aaaaaaaaaaaaaaaaaaaa', 'a@b.c', 'x')`.execute(
    earlier.db,
  );
  const lines = await linesOf(earlier.db);
  await using other = await emptyDatabase();
  await restore(other.db, of(lines));
  const user = await other.db.selectFrom("users").selectAll().executeTakeFirstOrThrow();
  assert.deepEqual([user.email, user.password_version], ["a@b.c", 1]);
});

test("what is no whole backup, or meets a database in use, changes nothing", async () => {
  await using source = await emptyDatabase();
  await migrateUp(source.db);
  await sql`insert into users (id, email, password_hash) values ('usr-aaaaaaaaaaaaaaaaaaaa', 'a@b.c', 'x')`.execute(
    source.db,
  );
  const lines = await linesOf(source.db);
  await using target = await emptyDatabase();
  const cases: [string[], RegExp][] = [
    [[], /no backup/],
    [["nonsense\n"], /no backup, or it is damaged/],
    [['{"roost_backup":2,"migrations":[]}\n'], /can read/],
    [['{"roost_backup":1,"migrations":["009-future"]}\n'], /does not know the migration 009-future/],
    [lines.slice(0, -1), /not whole/],
    [lines.toSpliced(1, 1), /damaged/],
    [[lines[0] ?? "", '{"table":"kysely_migration","row":{}}\n'], /a table that this Roost does not know/],
  ];
  for (const [bad, message] of cases) await assert.rejects(restore(target.db, of(bad)), message);
  const minimal = await target.db.selectFrom("templates").select("name").execute();
  assert.deepEqual(minimal, [{ name: "minimal" }]);
  await restore(target.db, of(lines));
  await assert.rejects(restore(target.db, of(lines)), /in use/);
});
