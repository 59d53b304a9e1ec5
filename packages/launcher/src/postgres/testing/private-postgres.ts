/** A private PostgreSQL for a test: a home of its own that only root may enter, gone with its run folder when the test is over. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { readSettings, type Settings } from "../../settings.ts";
import { databaseUrlOf, type PostgresLayout } from "../layout.ts";
import { clearLeftovers } from "../leftovers.ts";
import { layoutOf, startPostgres, untilReady } from "../server.ts";

export interface PrivatePostgres extends AsyncDisposable {
  readonly settings: Settings;
  readonly layout: PostgresLayout;
  readonly url: string;
  /** What the launcher had to say so far. */
  readonly said: string[];
  /** Starts it and waits until it serves. */
  start(): Promise<ChildProcess>;
  query(sql: string): Promise<unknown[]>;
}

export async function privatePostgres(): Promise<PrivatePostgres> {
  const home = await mkdtemp(join(tmpdir(), "roost-postgres-"));
  const settings = readSettings({ ...process.env, ROOST_HOME: home, DATABASE_URL: undefined });
  const layout = await layoutOf(settings);
  const url = databaseUrlOf(layout);
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const never = new AbortController().signal;
  return {
    settings,
    layout,
    url,
    said,
    async start() {
      const server = await startPostgres(settings, layout, say, never);
      server.stdout?.resume();
      server.stderr?.resume();
      const life = new AbortController();
      server.once("exit", () => life.abort(new Error("PostgreSQL has ended")));
      await untilReady(layout, life.signal);
      return server;
    },
    async query(sql) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(sql)).rows;
      } finally {
        await client.end();
      }
    },
    async [Symbol.asyncDispose]() {
      await clearLeftovers(layout.data, say, never);
      await rm(settings.run, { recursive: true, force: true });
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Sends the signal and waits for the end. */
export async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(server, "exit");
  server.kill(signal);
  await ended;
}
