/**
 * `node admin.ts COMMAND`: administration on the control plane's machine, with DATABASE_URL in the environment.
 * `--json` prints one line of JSON instead of words.
 */
import { parseArgs } from "node:util";
import { COMMANDS, type Options, type Outcome, UsageError } from "./administration/commands.ts";
import { listSettings, loadDatabaseUrl, readEnvFile } from "./config.ts";
import { openDatabase } from "./db/database.ts";

const USAGE = `Usage: ./roost admin COMMAND [--json]     (or: node admin.ts COMMAND, with DATABASE_URL)
  create --email EMAIL --password-stdin        make a platform admin, with a team (once)
  list                                         list the platform admins
  grant --email EMAIL, revoke --email EMAIL    make someone with an account a platform admin, or take that back
  set-password --email EMAIL --password-stdin  give an account another password; its sessions end
  limits --team TEAM [--sandboxes N] [--vcpus N] [--memory-mb N] [--snapshots N] [--disk-mb N]
                                               limits of one team; 0: any amount, default: as the settings say
  sessions rotate                              sign new sessions with a new key
  sessions end                                 end everyone's sessions
  audit [--team TEAM]                          the newest changes of a team's, or of what is no team's
  config                                       list all settings of the control plane
  migrate up                                   bring the database up to date
  migrate down                                 take the last migration back, with the data that it holds
  backup                                       write all rows to standard output
  restore                                      put a backup on standard input into an empty database`;

function readArguments() {
  const value = { type: "string" } as const;
  const options = {
    email: value,
    team: value,
    sandboxes: value,
    vcpus: value,
    "memory-mb": value,
    snapshots: value,
    "disk-mb": value,
    "password-stdin": { type: "boolean" },
    json: { type: "boolean" },
  } as const;
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Needs no database. */
function config(): Outcome {
  const settings = listSettings(process.env);
  const lines = settings.map(
    (setting) => `${setting.name}=${setting.value}\n    ${setting.description} Default: ${setting.default || "none"}.`,
  );
  return { words: lines.join("\n"), data: settings };
}

async function run(positionals: readonly string[], options: Options): Promise<Outcome> {
  const [name, ...rest] = positionals;
  if (name === "config") return config();
  const command = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name];
  if (!command) throw new UsageError(name ? `There is no command “${name}”.` : "A command is needed.");
  const onIdleError = (error: Error) => process.stderr.write(`${error.message}\n`);
  await using stack = new AsyncDisposableStack();
  const db = openDatabase({ url: loadDatabaseUrl(process.env), maxConnections: 2, onIdleError });
  stack.defer(() => db.destroy());
  return await command({ db, options, rest });
}

try {
  readEnvFile();
  const { positionals, values } = readArguments();
  const { words, data } = await run(positionals, values);
  if (data !== undefined) process.stdout.write(`${values.json ? JSON.stringify(data) : words}\n`);
} catch (error) {
  const reason = error instanceof Error ? error.message || String(error) : String(error);
  process.stderr.write(`roost admin: ${reason}\n${error instanceof UsageError ? `${USAGE}\n` : ""}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
