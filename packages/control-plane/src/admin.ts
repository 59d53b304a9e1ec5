/**
 * `node admin.ts COMMAND`: administration on the control plane's machine, with DATABASE_URL in the environment.
 * `--json` prints one line of JSON instead of words.
 */
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { listSettings, loadDatabaseUrl, readEnvFile } from "./config.ts";
import { type Database, openDatabase } from "./db/database.ts";
import { type MigrationSteps, migrateDown, migrateUp } from "./db/migrate.ts";
import { createAdmin, setPassword } from "./users/users.ts";

const USAGE = `Usage: node admin.ts COMMAND [--json]
  create --email EMAIL --password-stdin        make a platform admin, with a team (once)
  set-password --email EMAIL --password-stdin  give an account another password
  config                                       list all settings of the control plane
  migrate up                                   bring the database up to date
  migrate down                                 take the last migration back, with the data that it holds`;

/** Words for people, and the same as data. */
interface Outcome {
  readonly words: string;
  readonly data: unknown;
}

class UsageError extends Error {}

function readArguments() {
  const options = {
    email: { type: "string" },
    "password-stdin": { type: "boolean" },
    json: { type: "boolean" },
  } as const;
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

interface Options {
  readonly email?: string | undefined;
  readonly "password-stdin"?: boolean | undefined;
}

async function withDatabase<T>(use: (db: Database) => Promise<T>): Promise<T> {
  const onIdleError = (error: Error) => process.stderr.write(`${error.message}\n`);
  await using stack = new AsyncDisposableStack();
  const db = openDatabase({ url: loadDatabaseUrl(process.env), maxConnections: 2, onIdleError });
  stack.defer(() => db.destroy());
  return await use(db);
}

async function readCredentials(options: Options): Promise<{ email: string; password: string }> {
  const { email } = options;
  if (!email || !options["password-stdin"]) throw new UsageError("--email and --password-stdin are needed.");
  if (!/^[^\s@]+@[^\s@]+$/.test(email.trim())) throw new UsageError(`“${email}” is no email address.`);
  const password = (await text(process.stdin)).replace(/\r?\n$/, "");
  if (password.length < 8) throw new UsageError("The password on standard input must have at least 8 characters.");
  return { email, password };
}

async function runCreate(options: Options): Promise<Outcome> {
  const { email, password } = await readCredentials(options);
  const admin = await withDatabase(async (db) => {
    await migrateUp(db);
    return createAdmin(db, email, password);
  });
  const words = admin.created
    ? `Made the admin ${admin.email}.`
    : `The admin ${admin.email} is there already; nothing was changed.`;
  return { words, data: { user_id: admin.userId, team_id: admin.teamId, email: admin.email, created: admin.created } };
}

async function runSetPassword(options: Options): Promise<Outcome> {
  const { email, password } = await readCredentials(options);
  const account = await withDatabase((db) => setPassword(db, email, password));
  const data = { user_id: account.userId, email: account.email };
  return { words: `${account.email} has the new password; all their sessions have ended.`, data };
}

function runConfig(): Outcome {
  const settings = listSettings(process.env);
  const lines = settings.map(
    (setting) => `${setting.name}=${setting.value}\n    ${setting.description} Default: ${setting.default || "none"}.`,
  );
  return { words: lines.join("\n"), data: settings };
}

async function runMigrate(direction: string | undefined): Promise<Outcome> {
  const directions: Record<string, (db: Database) => Promise<MigrationSteps>> = {
    up: (db) => migrateUp(db),
    down: (db) => migrateDown(db),
  };
  const migrate = directions[direction ?? ""];
  if (!migrate) throw new UsageError("Say “migrate up” or “migrate down”.");
  const steps = await withDatabase(migrate);
  const words = steps.map((step) => `${step.direction === "Up" ? "Did" : "Took back"} ${step.name}.`).join("\n");
  return { words: words || "There was nothing to do.", data: steps };
}

async function run(positionals: string[], options: Options): Promise<Outcome> {
  const [command, argument] = positionals;
  if (command === "create") return runCreate(options);
  if (command === "set-password") return runSetPassword(options);
  if (command === "config") return runConfig();
  if (command === "migrate") return runMigrate(argument);
  throw new UsageError(command ? `There is no command “${command}”.` : "A command is needed.");
}

try {
  readEnvFile();
  const { positionals, values } = readArguments();
  const { words, data } = await run(positionals, values);
  process.stdout.write(`${values.json ? JSON.stringify(data) : words}\n`);
} catch (error) {
  const reason = error instanceof Error ? error.message || String(error) : String(error);
  process.stderr.write(`roost admin: ${reason}\n${error instanceof UsageError ? `${USAGE}\n` : ""}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
