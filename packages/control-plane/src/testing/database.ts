/** A database of a test's own, on the server that ROOST_TEST_DATABASE_URL names; `./roost test` sets it. */
import { randomBytes } from "node:crypto";
import pg from "pg";

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Makes an empty database. Disposing it drops it, whoever is still connected. */
export async function makeDatabase(): Promise<TestDatabase> {
  const server = process.env.ROOST_TEST_DATABASE_URL;
  if (!server) throw new Error("Set ROOST_TEST_DATABASE_URL to a PostgreSQL server for tests, or run `./roost test`.");
  const name = `roost_test_${randomBytes(6).toString("hex")}`;
  await onServer(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => onServer(server, `drop database ${name} with (force)`),
  };
}
