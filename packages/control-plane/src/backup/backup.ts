/**
 * All rows of the database as lines of JSON: one moment's, whatever is written meanwhile. It needs no program of PostgreSQL's and
 * fits any PostgreSQL; docs/operations.md describes the format.
 */
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { doneMigrations } from "../db/migrate.ts";
import { tablesInOrder } from "./tables-in-order.ts";

export const FORMAT = 1;

export interface BackupHead {
  readonly roost_backup: number;
  readonly made_at: string;
  /** What the tables had been through; a restore takes them there, and then on. */
  readonly migrations: readonly string[];
}

const ROWS_AT_ONCE = 500;

/** @param write is waited for, line by line. */
export async function backUp(db: Database, write: (line: string) => Promise<void>, now: Date): Promise<number> {
  const put = (value: object) => write(`${JSON.stringify(value)}\n`);
  const migrations = await doneMigrations(db);
  const head: BackupHead = { roost_backup: FORMAT, made_at: now.toISOString(), migrations };
  await put(head);
  return await db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (trx) => {
      let count = 0;
      for (const table of await tablesInOrder(trx)) {
        for await (const row of rowsOf(trx, table)) {
          await put({ table, row });
          count++;
        }
      }
      await put({ end: count });
      return count;
    });
}

/** In the order of the first columns, which is that of making where rows refer to rows of their own table. */
async function* rowsOf(trx: Database, table: string): AsyncGenerator<object> {
  await sql`declare backup no scroll cursor for select to_jsonb(t) as row from ${sql.table(table)} t order by t`.execute(
    trx,
  );
  for (;;) {
    const { rows } = await sql<{ row: object }>`fetch ${sql.lit(ROWS_AT_ONCE)} from backup`.execute(trx);
    for (const { row } of rows) yield row;
    if (rows.length < ROWS_AT_ONCE) break;
  }
  await sql`close backup`.execute(trx);
}
