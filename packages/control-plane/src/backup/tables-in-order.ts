/** The tables of this database, each after those that it refers to. */
import { sql } from "kysely";
import type { Database } from "../db/database.ts";

export async function tablesInOrder(db: Database): Promise<readonly string[]> {
  const tables = await sql<{ name: string }>`
    select tablename as name from pg_tables
    where schemaname = 'public' and tablename not like 'kysely%' order by 1`.execute(db);
  const references = await sql<{ from: string; to: string }>`
    select conrelid::regclass::text as from, confrelid::regclass::text as to from pg_constraint
    where contype = 'f' and connamespace = 'public'::regnamespace and conrelid <> confrelid`.execute(db);
  const left = new Set(tables.rows.map(({ name }) => name));
  const order: string[] = [];
  while (left.size > 0) {
    const ready = [...left].filter((table) => !references.rows.some(({ from, to }) => from === table && left.has(to)));
    if (ready.length === 0) throw new Error(`these tables refer to each other in a circle: ${[...left].join(", ")}`);
    for (const table of ready) {
      order.push(table);
      left.delete(table);
    }
  }
  return order;
}
