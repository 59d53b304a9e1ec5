/** The migration of people and teams, taken back and done again with data in the tables. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { makeDatabase } from "../testing/database.ts";
import { openDatabase } from "./database.ts";
import { migrateDown, migrateUp, migrateUpTo } from "./migrate.ts";

test("A4: people, teams, keys and sandboxes outlive its taking back, but for what the older tables cannot hold", async () => {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await makeDatabase());
  const db = openDatabase({ url: database.url, maxConnections: 2, onIdleError: () => {} });
  stack.defer(() => db.destroy());
  await migrateUpTo(db, ["001-initial", "002-snapshots", "003-people"]);
  const [user, team] = ["usr-aaaaaaaaaaaaaaaaaaaa", "team-aaaaaaaaaaaaaaaaaaaa"];
  await sql`
    insert into users (id, email, password_hash, password_version) values (${user}, 'a@b.c', 'hash', 4)`.execute(db);
  await sql`insert into teams (id, name) values (${team}, 'rockets')`.execute(db);
  await sql`insert into users_teams (user_id, team_id, role) values (${user}, ${team}, 'admin')`.execute(db);
  const key = (id: string, hash: string, end: string | null) => sql`
    insert into team_api_keys (id, team_id, name, key_hash, key_prefix, created_by, expires_at)
    values (${id}, ${team}, 'ci', ${Buffer.alloc(32, hash)}, 'rst_0', ${user}, ${end})`;
  await key("key-aaaaaaaaaaaaaaaaaaaa", "a", null).execute(db);
  await key("key-bbbbbbbbbbbbbbbbbbbb", "b", "2999-01-01T00:00:00Z").execute(db);
  await sql`insert into sandboxes (id, team_id, status, template, vcpus, memory_mb, timeout_sec, internet)
    values ('sb-aaaaaaaaaaaaaaaaaaaa', ${team}, 'stopped', 'minimal', 1, 128, 0, true)`.execute(db);

  assert.deepEqual(await migrateDown(db), [{ name: "003-people", direction: "Down" }]);
  const { rows: before } = await sql<{ role: string; keys: string; boxes: number }>`
    select role, (select string_agg(id, ',') from team_api_keys) as keys, (select count(*) from sandboxes) as boxes
    from users_teams join users on users.id = user_id join teams on teams.id = team_id
    where email = 'a@b.c' and teams.name = 'rockets'`.execute(db);
  // A key that was to end must not live for ever; who was an admin is still a member.
  assert.deepEqual(before, [{ role: "member", keys: "key-aaaaaaaaaaaaaaaaaaaa", boxes: 1 }]);

  await migrateUp(db);
  const member = await db.selectFrom("users_teams").selectAll().executeTakeFirstOrThrow();
  const account = await db.selectFrom("users").selectAll().executeTakeFirstOrThrow();
  const kept = await db.selectFrom("team_api_keys").select(["id", "expires_at", "created_by"]).execute();
  assert.deepEqual([member.user_id, member.team_id, member.role], [user, team, "member"]);
  assert.deepEqual([account.password_hash, account.password_version], ["hash", 1]);
  assert.deepEqual(kept, [{ id: "key-aaaaaaaaaaaaaaaaaaaa", expires_at: null, created_by: user }]);
});
