import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { makeDatabase } from "../testing/database.ts";
import { type Database, openDatabase } from "./database.ts";
import { soonDurable } from "./soon-durable.ts";

async function waits(db: Database): Promise<string> {
  const { rows } = await sql<{ waits: string }>`select current_setting('synchronous_commit') as waits`.execute(db);
  return rows[0]?.waits ?? "";
}

test("only the transaction that says so does not wait for the disk", async () => {
  await using place = await makeDatabase();
  const db = openDatabase({ url: place.url, maxConnections: 1, onIdleError: () => {} });
  try {
    assert.equal(await waits(db), "on");
    await db.transaction().execute(async (trx) => {
      await sql`create table things (id text)`.execute(trx);
      await sql`insert into things values (${soonDurable("some-id")})`.execute(trx);
      assert.equal(await waits(trx), "off");
    });
    assert.equal(await waits(db), "on");
    await db.transaction().execute(async (trx) => {
      const { numAffectedRows } =
        await sql`update things set id = 'another' where id = ${soonDurable("some-id")}`.execute(trx);
      assert.equal(numAffectedRows, 1n);
      assert.equal(await waits(trx), "off");
    });
    assert.equal(await waits(db), "on");
  } finally {
    await db.destroy();
  }
});
