import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { makeDatabase } from "../testing/database.ts";
import { createAdmin } from "../users/users.ts";
import { type Database, openDatabase, requireDatabase } from "./database.ts";
import { migrateDown, migrateUp } from "./migrate.ts";

async function emptyDatabase() {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await makeDatabase());
  const open = () => {
    const db = openDatabase({ url: database.url, maxConnections: 3, onIdleError: () => {} });
    resources.defer(() => db.destroy());
    return db;
  };
  const resources = stack.move();
  return { open, url: database.url, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** Everything that migrations can make, as the catalog has it. */
async function describe(db: Database) {
  const columns = await sql`
    select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
    where table_schema = 'public' and table_name not like 'kysely%' order by 1, 2`.execute(db);
  const constraints = await sql`
    select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'public'::regnamespace and conrelid::regclass::text not like 'kysely%' order by 1, 2`.execute(
    db,
  );
  const indexes = await sql`
    select tablename, indexdef from pg_indexes
    where schemaname = 'public' and tablename not like 'kysely%' order by 1, 2`.execute(db);
  return { columns: columns.rows, constraints: constraints.rows, indexes: indexes.rows };
}

test("A4: migrations go up, down with data in the tables, and up again to the same", async () => {
  await using empty = await emptyDatabase();
  const db = empty.open();
  const names = ["001-initial", "002-snapshots", "003-people"];
  assert.deepEqual(
    await migrateUp(db),
    names.map((name) => ({ name, direction: "Up" })),
  );
  const first = await describe(db);
  const tables = new Set((first.columns as { table_name: string }[]).map((column) => column.table_name));
  for (const table of [
    "users",
    "teams",
    "users_teams",
    "team_api_keys",
    "sandboxes",
    "templates",
    "hosts",
    "host_tokens",
    "host_refresh_tokens",
    "host_tags",
  ]) {
    assert.ok(tables.has(table), table);
  }
  const { teamId } = await createAdmin(db, "someone@example.com", "correct horse");
  const host = "host-aaaaaaaaaaaaaaaaaaaa";
  await db.insertInto("hosts").values({ id: host, type: "regular", status: "pending" }).execute();
  await db.insertInto("host_tags").values({ host_id: host, tag: "fast" }).execute();
  await sql`insert into sandboxes (id, team_id, status, template, vcpus, memory_mb, timeout_sec, internet, host_id)
    values ('sb-aaaaaaaaaaaaaaaaaaaa', ${teamId}, 'running', 'minimal', 1, 128, 0, true, ${host})`.execute(db);
  await sql`insert into templates (id, name, type, team_id, vcpus, memory_mb)
    values ('tpl-aaaaaaaaaaaaaaaaaaaa', 'mine', 'snapshot', ${teamId}, 1, 128)`.execute(db);
  await sql`insert into template_hosts values ('tpl-aaaaaaaaaaaaaaaaaaaa', ${host})`.execute(db);
  for (const name of names.toReversed()) assert.deepEqual(await migrateDown(db), [{ name, direction: "Down" }]);
  assert.deepEqual(await describe(db), { columns: [], constraints: [], indexes: [] });
  assert.deepEqual(await migrateDown(db), []);
  await migrateUp(db);
  assert.deepEqual(await describe(db), first);
  assert.deepEqual(await migrateUp(db), []);
});

test("A4: control planes that start together migrate once", async () => {
  await using empty = await emptyDatabase();
  const done = await Promise.all([1, 2, 3].map(() => migrateUp(empty.open())));
  assert.deepEqual(
    done.flat().map(({ name }) => name),
    ["001-initial", "002-snapshots", "003-people"],
  );
});

test("A4: a migration that fails leaves the database as it was, and is named", async () => {
  await using empty = await emptyDatabase();
  const folder = await mkdtemp(join(tmpdir(), "roost-migrations-"));
  try {
    await writeFile(join(folder, "001-good.up.sql"), "create table good (id int)");
    await writeFile(join(folder, "001-good.down.sql"), "drop table good");
    await writeFile(join(folder, "002-bad.up.sql"), "create table bad (id int); select 1 / 0");
    await writeFile(join(folder, "002-bad.down.sql"), "drop table bad");
    const db = empty.open();
    await assert.rejects(migrateUp(db, folder), /Migration 002-bad failed: division by zero/);
    assert.deepEqual((await describe(db)).columns, []);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("A4: a database that a newer Roost has migrated is refused", async () => {
  await using empty = await emptyDatabase();
  const db = empty.open();
  await migrateUp(db);
  await sql`insert into kysely_migration (name, timestamp) values ('999-future', now())`.execute(db);
  await assert.rejects(migrateUp(db), /999-future/);
});

test("the database refuses what no program should write", async (t) => {
  await using empty = await emptyDatabase();
  const db = empty.open();
  await migrateUp(db);
  const { teamId } = await createAdmin(db, "someone@example.com", "correct horse");
  const sandbox = (status: string, host: string | null, metadata = "{}") => sql`
    insert into sandboxes (id, team_id, status, template, vcpus, memory_mb, timeout_sec, internet, host_id, metadata)
    values ('sb-aaaaaaaaaaaaaaaaaaaa', ${teamId}, ${status}, 'minimal', 1, 128, 0, true, ${host}, ${metadata})`;
  const cases: [string, { execute(db: Database): Promise<unknown> }][] = [
    ["a status that is none", sandbox("asleep", null)],
    ["a running sandbox without a host", sandbox("running", null)],
    ["metadata that is no object", sandbox("pending", null, "[]")],
    [
      "a host of a team that is shared",
      sql`insert into hosts (id, type, status, team_id) values ('host-aaaaaaaaaaaaaaaaaaaa', 'regular', 'pending', ${teamId})`,
    ],
    [
      "an online host of which nothing is known",
      sql`insert into hosts (id, type, status) values ('host-aaaaaaaaaaaaaaaaaaaa', 'regular', 'online')`,
    ],
    ["a role that is none", sql`update users_teams set role = 'king'`],
    ["the same email in capitals", sql`update users set email = 'Someone@example.com'`],
    ["an id of another kind", sql`update teams set id = 'usr-aaaaaaaaaaaaaaaaaaaa'`],
    [
      "a second base image of a name",
      sql`insert into templates (id, name, type) values ('tpl-aaaaaaaaaaaaaaaaaaaa', 'minimal', 'base')`,
    ],
    ["a second authority", sql`insert into certificate_authority values (false, 'x', 'x')`],
  ];
  for (const [name, statement] of cases) {
    await t.test(name, () => assert.rejects(statement.execute(db), /violates/));
  }
});

test("a database that does not answer is told in one sentence", async () => {
  const url = "postgresql://nobody:hunter2@127.0.0.1:1/none";
  const db = openDatabase({ url, maxConnections: 1, onIdleError: () => {} });
  try {
    await assert.rejects(requireDatabase(db), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /^The database that DATABASE_URL names does not answer: .*ECONNREFUSED/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  } finally {
    await db.destroy();
  }
});
