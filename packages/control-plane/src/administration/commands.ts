/** What `admin.ts` can do: each command with its options in words, and what it does with the database. */
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { sql } from "kysely";
import { auditOnMachine } from "../audit/audit-log.ts";
import { backUp } from "../backup/backup.ts";
import { restore } from "../backup/restore.ts";
import type { Database } from "../db/database.ts";
import { type MigrationSteps, migrateDown, migrateUp } from "../db/migrate.ts";
import { COUNTED, type Counted, setTeamLimits } from "../teams/limits.ts";
import { createAdmin, endAllSessions, listAdmins, rotateSessionKey, setAdmin, setPassword } from "../users/users.ts";

/** Words for people, and the same as data. */
export interface Outcome {
  readonly words: string;
  readonly data: unknown;
}

export class UsageError extends Error {}

export type Options = Readonly<Record<string, string | boolean | undefined>>;

export interface Surroundings {
  readonly db: Database;
  readonly options: Options;
  /** What stands after the command. */
  readonly rest: readonly string[];
}

export type Command = (surroundings: Surroundings) => Promise<Outcome>;

export const COMMANDS: Readonly<Record<string, Command>> = {
  create,
  "set-password": newPassword,
  list,
  grant: (surroundings) => changeAdmin(surroundings, true),
  revoke: (surroundings) => changeAdmin(surroundings, false),
  limits,
  sessions,
  audit,
  migrate,
  backup,
  restore: putBack,
};

function emailOf({ email }: Options): string {
  if (typeof email !== "string") throw new UsageError("--email is needed.");
  if (!/^[^\s@]+@[^\s@]+$/.test(email.trim())) throw new UsageError(`“${email}” is no email address.`);
  return email;
}

async function readCredentials(options: Options): Promise<{ email: string; password: string }> {
  if (!options.email || !options["password-stdin"]) throw new UsageError("--email and --password-stdin are needed.");
  const email = emailOf(options);
  const password = (await text(process.stdin)).replace(/\r?\n$/, "");
  if (password.length < 8) throw new UsageError("The password on standard input must have at least 8 characters.");
  return { email, password };
}

async function create({ db, options }: Surroundings): Promise<Outcome> {
  const { email, password } = await readCredentials(options);
  await migrateUp(db);
  const admin = await createAdmin(db, email, password);
  if (admin.created) await auditOnMachine(db, "admin.create", admin.userId, { email: admin.email });
  const words = admin.created
    ? `Made the admin ${admin.email}.`
    : `The admin ${admin.email} is there already; nothing was changed.`;
  return { words, data: { user_id: admin.userId, team_id: admin.teamId, email: admin.email, created: admin.created } };
}

async function newPassword({ db, options }: Surroundings): Promise<Outcome> {
  const { email, password } = await readCredentials(options);
  const account = await setPassword(db, email, password);
  await auditOnMachine(db, "account.password", account.userId, { email: account.email });
  const data = { user_id: account.userId, email: account.email };
  return { words: `${account.email} has the new password; all their sessions have ended.`, data };
}

async function list({ db }: Surroundings): Promise<Outcome> {
  const admins = await listAdmins(db);
  const words = admins.map(({ userId, email }) => `${userId}  ${email}`).join("\n");
  return {
    words: words || "There are no admins.",
    data: admins.map(({ userId, email }) => ({ user_id: userId, email })),
  };
}

async function changeAdmin({ db, options }: Surroundings, isAdmin: boolean): Promise<Outcome> {
  const account = await setAdmin(db, emailOf(options), isAdmin);
  await auditOnMachine(db, isAdmin ? "admin.grant" : "admin.revoke", account.userId, { email: account.email });
  const words = `${account.email} is ${isAdmin ? "a platform admin now" : "no platform admin any more"}.`;
  return { words, data: { user_id: account.userId, email: account.email, is_admin: isAdmin } };
}

async function limits({ db, options }: Surroundings): Promise<Outcome> {
  const { team } = options;
  if (typeof team !== "string") throw new UsageError("--team is needed.");
  const wanted = COUNTED.flatMap((counted): [Counted, number | null][] => {
    const given = options[counted.replaceAll("_", "-")];
    if (typeof given !== "string") return [];
    if (given === "default") return [[counted, null]];
    if (!/^\d{1,9}$/.test(given)) throw new UsageError(`“${given}” is neither a whole number nor “default”.`);
    return [[counted, Number(given)]];
  });
  if (wanted.length === 0) throw new UsageError("Say at least one limit.");
  const changed = Object.fromEntries(wanted);
  await setTeamLimits(db, team, changed);
  await auditOnMachine(db, "team.limits", team, changed);
  const words = wanted.map(([counted, amount]) => `${counted}: ${amount ?? "as the settings say"}`).join("\n");
  return { words, data: { team_id: team, ...changed } };
}

async function sessions({ db, rest }: Surroundings): Promise<Outcome> {
  const [what] = rest;
  if (what === "rotate") {
    const kid = await rotateSessionKey(db);
    await auditOnMachine(db, "session-key.rotate", kid);
    return { words: "New sessions are signed with a new key; open ones stay open.", data: { kid } };
  }
  if (what === "end") {
    await endAllSessions(db);
    await auditOnMachine(db, "session-key.end", "all");
    return { words: "Everyone's sessions have ended.", data: { ended: true } };
  }
  throw new UsageError("Say “sessions rotate” or “sessions end”.");
}

async function audit({ db, options }: Surroundings): Promise<Outcome> {
  const { team } = options;
  let query = db.selectFrom("audit_log").selectAll().orderBy("created_at", "desc").orderBy("id", "desc").limit(200);
  query = typeof team === "string" ? query.where("team_id", "=", team) : query.where("team_id", "is", null);
  const rows = await query.execute();
  const words = rows.map(({ created_at, actor, address, action, subject, outcome }) =>
    [created_at.toISOString(), actor, address ?? "-", action, subject ?? "-", outcome].join("  "),
  );
  return { words: words.join("\n") || "Nothing was changed yet.", data: rows };
}

async function migrate({ db, rest }: Surroundings): Promise<Outcome> {
  const directions: Record<string, (db: Database) => Promise<MigrationSteps>> = { up: migrateUp, down: migrateDown };
  const run = directions[rest[0] ?? ""];
  if (!run) throw new UsageError("Say “migrate up” or “migrate down”.");
  const steps = await run(db);
  const words = steps.map((step) => `${step.direction === "Up" ? "Did" : "Took back"} ${step.name}.`).join("\n");
  return { words: words || "There was nothing to do.", data: steps };
}

/** The lines go to standard output, the words to standard error. */
async function backup({ db }: Surroundings): Promise<Outcome> {
  const write = (line: string) =>
    new Promise<void>((done, fail) => process.stdout.write(line, (error) => (error ? fail(error) : done())));
  const rows = await backUp(db, write, new Date());
  process.stderr.write(`Wrote ${rows} rows.\n`);
  return { words: "", data: undefined };
}

async function putBack({ db }: Surroundings): Promise<Outcome> {
  const rows = await restore(db, createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY }));
  await sql`analyze`.execute(db);
  return { words: `Restored ${rows} rows.`, data: { rows } };
}
