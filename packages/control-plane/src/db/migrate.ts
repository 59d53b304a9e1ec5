/**
 * Migrations are pairs of plain SQL files, `NNN-name.up.sql` and `NNN-name.down.sql`. Kysely's Migrator runs them, all or
 * none in one transaction and under its advisory lock: control planes that start together migrate once.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import {
  type Migration,
  type MigrationProvider,
  type MigrationResult,
  type MigrationResultSet,
  Migrator,
} from "kysely/migration";
import type { Database } from "./database.ts";

const FOLDER = join(import.meta.dirname, "migrations");
const UP_FILE = /^(?<name>\d{3}-[a-z0-9-]+)\.up\.sql$/;

class SqlFileMigrations implements MigrationProvider {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async getMigrations(): Promise<Record<string, Migration>> {
    const files = await readdir(this.#folder);
    const names = files.flatMap((file) => UP_FILE.exec(file)?.groups?.name ?? []);
    const pairs = names.map(async (name): Promise<[string, Migration]> => {
      const [up, down] = await Promise.all([
        readFile(join(this.#folder, `${name}.up.sql`), "utf8"),
        readFile(join(this.#folder, `${name}.down.sql`), "utf8"),
      ]);
      return [name, { up: (db) => run(db, up), down: (db) => run(db, down) }];
    });
    return Object.fromEntries(await Promise.all(pairs));
  }
}

async function run(db: Database, statements: string): Promise<void> {
  await sql.raw(statements).execute(db);
}

/** What was done, oldest first. */
export type MigrationSteps = readonly { readonly name: string; readonly direction: "Up" | "Down" }[];

function stepsOf(outcome: MigrationResultSet): MigrationSteps {
  const done = (result: MigrationResult) => result.status === "Success";
  if (outcome.error === undefined) {
    return (outcome.results ?? [])
      .filter(done)
      .map(({ migrationName, direction }) => ({ name: migrationName, direction }));
  }
  const failed = outcome.results?.find((result) => result.status === "Error");
  const reason = outcome.error instanceof Error ? outcome.error.message : String(outcome.error);
  const what = failed ? `Migration ${failed.migrationName} failed` : "The database cannot be migrated";
  throw new Error(`${what}: ${reason}`, { cause: outcome.error });
}

function migrator(db: Database, folder: string): Migrator {
  return new Migrator({ db, provider: new SqlFileMigrations(folder) });
}

/** Runs all migrations that this database has not had. */
export async function migrateUp(db: Database, folder = FOLDER): Promise<MigrationSteps> {
  return stepsOf(await migrator(db, folder).migrateToLatest());
}

/** Runs these and no later ones. @throws when the database is past them, or this Roost does not have them. */
export async function migrateUpTo(db: Database, names: readonly string[], folder = FOLDER): Promise<MigrationSteps> {
  const known = new Set(Object.keys(await new SqlFileMigrations(folder).getMigrations()));
  const unknown = names.find((name) => !known.has(name));
  const last = names.at(-1);
  if (unknown !== undefined || last === undefined)
    throw new Error(`This Roost does not know the migration ${unknown}.`);
  const done = await doneMigrations(db);
  const later = done.find((name) => !names.includes(name));
  if (later !== undefined) throw new Error(`The database is past ${last}: it has had ${later}.`);
  return stepsOf(await migrator(db, folder).migrateTo(last));
}

/** The names of those that this database has had, in order. */
export async function doneMigrations(db: Database, folder = FOLDER): Promise<string[]> {
  const migrations = await migrator(db, folder).getMigrations();
  return migrations.filter(({ executedAt }) => executedAt !== undefined).map(({ name }) => name);
}

/** Takes the last migration back, and with it the data that only it has room for. */
export async function migrateDown(db: Database, folder = FOLDER): Promise<MigrationSteps> {
  return stepsOf(await migrator(db, folder).migrateDown());
}
