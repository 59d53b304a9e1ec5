/**
 * One life of the private PostgreSQL: cleared of what an earlier life left, started as a user without rights, listening on a Unix
 * socket only, and taken for ready only when it has said itself that it keeps what it acknowledges.
 */
import type { ChildProcess } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { LauncherFailure, sentenceOf } from "../failure.ts";
import { postgresqlPrograms } from "../install/postgresql.ts";
import type { Settings } from "../settings.ts";
import { confined, makeOwnFolder, POSTGRES_USER, writePasswd } from "../supervise/confined.ts";
import { startService } from "../supervise/start-service.ts";
import { ensureDataFolder, POSTGRES_ENVIRONMENT, postgresBinds } from "./data-folder.ts";
import { databaseUrlOf, type PostgresLayout, postgresLayout } from "./layout.ts";
import { clearLeftovers } from "./leftovers.ts";

/** What "acknowledged" rests upon: checked by asking, whatever files and defaults say. */
const DURABLE = { fsync: "on", full_page_writes: "on", synchronous_commit: "on", data_checksums: "on" } as const;

const OPTIONS = {
  listen_addresses: "",
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  unix_socket_permissions: "0777",
  // Small: a control plane's rows, not a warehouse. No just-in-time compiler: its library is not brought along.
  shared_buffers: "32MB",
  max_connections: "100",
  jit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: "%m [%p] ",
} as const;

const ASK_AGAIN_MS = 50;

export async function layoutOf(settings: Settings): Promise<PostgresLayout> {
  const installed = await postgresqlPrograms(settings);
  if (installed === undefined) {
    throw new LauncherFailure("PostgreSQL's programs are not in the cache: run ./roost install, or set DATABASE_URL");
  }
  return postgresLayout(settings, installed);
}

/** Starts it; the process may take any time to recover before `untilReady` returns. */
export async function startPostgres(
  settings: Settings,
  layout: PostgresLayout,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<ChildProcess> {
  await mkdir(layout.view.folder, { recursive: true, mode: 0o755 });
  await writePasswd(layout.view.passwd);
  await ensureDataFolder(settings, layout, say, signal);
  await clearLeftovers(layout.data, say, signal);
  await makeOwnFolder(layout.socketFolder, POSTGRES_USER, 0o755);
  const options = Object.entries({ ...OPTIONS, unix_socket_directories: layout.socketFolder });
  const server = [join(layout.programs, "postgres"), "-D", layout.view.data] as const;
  const command = confined(settings, POSTGRES_USER, postgresBinds(layout, layout.data), layout.view.folder, [
    ...server,
    ...options.flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ]);
  return startService(command, { env: POSTGRES_ENVIRONMENT });
}

/** Waits through start and recovery, for as long as the process lives (`signal`), then makes sure of durability and database. */
export async function untilReady(layout: PostgresLayout, signal: AbortSignal): Promise<void> {
  const url = databaseUrlOf(layout).replace("/roost?", "/postgres?");
  for (;;) {
    signal.throwIfAborted();
    const client = await connect(url);
    if (client !== undefined) {
      await using _ = { [Symbol.asyncDispose]: () => client.end() };
      await requireDurability(client);
      await ensureDatabase(client);
      return;
    }
    await sleep(ASK_AGAIN_MS, undefined, { signal });
  }
}

/** A connection, or undefined while the server is not there yet or still recovers. */
async function connect(url: string): Promise<pg.Client | undefined> {
  const { default: postgres } = await import("pg");
  const client = new postgres.Client({ connectionString: url });
  client.on("error", () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    await client.end().catch(() => {});
    // 57P03: "the database system is starting up".
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ECONNRESET" || code === "57P03") return undefined;
    throw new LauncherFailure(`PostgreSQL refuses the launcher: ${sentenceOf(error)}`, { cause: error });
  }
}

async function requireDurability(client: pg.Client): Promise<void> {
  for (const [name, wanted] of Object.entries(DURABLE)) {
    const { rows } = await client.query<Record<string, string>>(`SHOW ${name}`);
    const value = rows[0]?.[name];
    if (value !== wanted)
      throw new LauncherFailure(`PostgreSQL runs with ${name} = ${value}; Roost needs it ${wanted}`);
  }
}

async function ensureDatabase(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = 'roost'");
  if (rowCount === 0) await client.query("CREATE DATABASE roost");
}
