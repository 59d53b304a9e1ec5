/** Puts a backup's rows into an empty database, all or none, and brings it up to date. */
import { sql } from "kysely";
import type { Database, DatabaseTransaction } from "../db/database.ts";
import { migrateUp, migrateUpTo } from "../db/migrate.ts";
import { type BackupHead, FORMAT } from "./backup.ts";
import { tablesInOrder } from "./tables-in-order.ts";

/** The file is no backup, not a whole one, or not for this database. One sentence. */
export class RestoreError extends Error {
  override readonly name = "RestoreError";
}

const ROWS_AT_ONCE = 500;

/** @returns how many rows there are now. */
export async function restore(db: Database, lines: AsyncIterable<string>): Promise<number> {
  const reader = lines[Symbol.asyncIterator]();
  const first = await reader.next();
  const head = readHead(first.done ? "" : first.value);
  await migrateUpTo(db, head.migrations);
  const count = await db.transaction().execute(async (trx) => {
    const tables = await tablesInOrder(trx);
    await requireNobody(trx);
    // What migrations put there is in the backup, too.
    await sql`truncate ${sql.join(tables.map((table) => sql.table(table)))}`.execute(trx);
    const rows = await putRows(trx, tables, { [Symbol.asyncIterator]: () => reader });
    for (const table of tables) await goOnCounting(trx, table);
    return rows;
  });
  await migrateUp(db);
  return count;
}

function readHead(line: string): BackupHead {
  const head = parse(line);
  if (head.roost_backup !== FORMAT || !Array.isArray(head.migrations)) {
    throw new RestoreError("This is no backup that this Roost can read.");
  }
  return head as unknown as BackupHead;
}

function parse(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below, like all else that is no object.
  }
  throw new RestoreError("This is no backup, or it is damaged.");
}

async function requireNobody(trx: DatabaseTransaction): Promise<void> {
  const someone = await trx.selectFrom("users").select("id").limit(1).executeTakeFirst();
  const host = await trx.selectFrom("hosts").select("id").limit(1).executeTakeFirst();
  if (someone || host) {
    throw new RestoreError("This database is in use: it has accounts or hosts. Restore into an empty one.");
  }
}

async function putRows(
  trx: DatabaseTransaction,
  tables: readonly string[],
  lines: AsyncIterable<string>,
): Promise<number> {
  let count = 0;
  let batch: { readonly table: string; readonly rows: unknown[] } = { table: "", rows: [] };
  const flush = async () => {
    if (batch.rows.length > 0) await putBatch(trx, batch.table, batch.rows);
    count += batch.rows.length;
  };
  for await (const line of lines) {
    const { table, row, end } = parse(line);
    if (end !== undefined) {
      await flush();
      if (end === count) return count;
      throw new RestoreError(`The backup is damaged: it had ${end} rows, and has ${count}.`);
    }
    if (typeof table !== "string" || !tables.includes(table)) {
      throw new RestoreError("The backup has rows of a table that this Roost does not know.");
    }
    if (batch.table !== table || batch.rows.length === ROWS_AT_ONCE) {
      await flush();
      batch = { table, rows: [] };
    }
    batch.rows.push(row);
  }
  throw new RestoreError("The backup is not whole: its end is missing.");
}

async function putBatch(trx: DatabaseTransaction, table: string, rows: readonly unknown[]): Promise<void> {
  await sql`insert into ${sql.table(table)} overriding system value
    select (jsonb_populate_record(null::${sql.table(table)}, r)).* from jsonb_array_elements(${JSON.stringify(rows)}::jsonb) r`.execute(
    trx,
  );
}

/** Row numbers that the database makes go on after the last one. */
async function goOnCounting(trx: DatabaseTransaction, table: string): Promise<void> {
  const counted = await sql<{ name: string }>`
    select column_name as name from information_schema.columns
    where table_schema = 'public' and table_name = ${table} and is_identity = 'YES'`.execute(trx);
  for (const { name } of counted.rows) {
    await sql`select setval(pg_get_serial_sequence(${table}, ${name}), coalesce(max(${sql.ref(name)}), 1), max(${sql.ref(name)}) is not null)
      from ${sql.table(table)}`.execute(trx);
  }
}
