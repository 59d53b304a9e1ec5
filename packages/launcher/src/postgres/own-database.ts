/** A PostgreSQL that the user runs: reached, and new enough, or told why not. */
import { LauncherFailure, sentenceOf } from "../failure.ts";
import { OLDEST_POSTGRESQL } from "../install/postgresql.ts";

export async function checkOwnDatabase(databaseUrl: string): Promise<void> {
  const version = await serverVersion(databaseUrl);
  if (version < OLDEST_POSTGRESQL * 10_000) {
    throw new LauncherFailure(
      `the PostgreSQL at DATABASE_URL is ${Math.floor(version / 10_000)}; Roost needs ${OLDEST_POSTGRESQL} or newer`,
    );
  }
}

async function serverVersion(databaseUrl: string): Promise<number> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version_num: string }>("SHOW server_version_num");
    return Number(rows[0]?.server_version_num);
  } catch (error) {
    throw new LauncherFailure(`no PostgreSQL answers at DATABASE_URL: ${sentenceOf(error)}`, { cause: error });
  } finally {
    await client.end().catch(() => {});
  }
}
