/** The one connection pool of the process, and what every query may count on. */
import { Kysely, PostgresDialect, sql, type Transaction } from "kysely";
import pg from "pg";
import type { Tables } from "./tables.ts";

export type Database = Kysely<Tables>;

/** A `Database` inside a transaction: what must not happen in part asks for one. */
export type DatabaseTransaction = Transaction<Tables>;

export interface OpenDatabaseOptions {
  readonly url: string;
  readonly maxConnections: number;
  /** Told of connections that break while nobody uses them: the next query opens another. */
  readonly onIdleError: (error: Error) => void;
}

/** How long a query waits for a connection before it fails: a request answers late rather than never. */
const CONNECTION_TIMEOUT_MS = 10_000;

/**
 * `bigint` columns hold sizes and row numbers, all far below 2^53: read as numbers, not as the text that pg makes of them.
 */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === pg.types.builtins.INT8 && format !== "binary") return Number;
    return pg.types.getTypeParser(oid, format);
  },
};

/** Opens the pool. Nothing is connected before the first query; `destroy()` closes it. */
export function openDatabase(options: OpenDatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    application_name: "roost-control-plane",
    types,
  });
  pool.on("error", options.onIdleError);
  // One that breaks in the middle of a transaction fails its queries; without a listener it would end the process, too.
  pool.on("connect", (client) => client.on("error", () => {}));
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

/** @throws when the database does not answer. */
export async function pingDatabase(db: Database): Promise<void> {
  await sql`select 1`.execute(db);
}

/** The oldest PostgreSQL that has all that the tables use (`unique nulls not distinct`). */
const OLDEST_SERVER = 150_000;

/** @throws with one sentence for the person who starts the server, when the database does not answer or is too old. */
export async function requireDatabase(db: Database): Promise<void> {
  const { rows } = await sql<{ version: number }>`select current_setting('server_version_num')::int as version`
    .execute(db)
    .catch((cause: unknown) => {
      throw new Error(`The database that DATABASE_URL names does not answer: ${reasonOf(cause)}`, { cause });
    });
  const version = rows[0]?.version ?? 0;
  if (version >= OLDEST_SERVER) return;
  throw new Error(`The database is PostgreSQL ${Math.floor(version / 10_000)}; Roost needs 15 or newer.`);
}

function reasonOf(error: unknown): string {
  // A name with several addresses fails with one error for each.
  const errors = error instanceof AggregateError ? error.errors : [error];
  return errors.map((each) => (each instanceof Error ? each.message : String(each))).join("; ");
}

/** What the advisory locks guard; each number is used for one thing only. */
const LOCKS = { "first-sign-up": 7_201, "certificate-authority": 7_202, "session-keys": 7_203 } as const;

/** Until the transaction ends, no other transaction of any control plane holds this lock. */
export async function lockForTransaction(trx: DatabaseTransaction, lock: keyof typeof LOCKS): Promise<void> {
  await sql`select pg_advisory_xact_lock(${LOCKS[lock]})`.execute(trx);
}
