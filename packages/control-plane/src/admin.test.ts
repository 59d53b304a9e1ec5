import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { type Database, openDatabase } from "./db/database.ts";
import { makeDatabase } from "./testing/database.ts";
import { insertAccount } from "./users/accounts.ts";
import { hashPassword } from "./users/passwords.ts";
import { SessionKeys, Sessions, Users } from "./users/users.ts";

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Place {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

async function admin(databaseUrl: string, args: string[], input = "", place: Place = {}): Promise<Ran> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "admin.ts"), ...args], {
    cwd: place.cwd ?? import.meta.dirname,
    env: { PATH: process.env.PATH ?? "", DATABASE_URL: databaseUrl, ...place.env },
  });
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code, out, err };
}

function usersOf(db: Database): Users {
  const sessions = new Sessions(new SessionKeys(db, Buffer.alloc(32)), () => new Date());
  return new Users({ db, sessions, signUp: "closed" });
}

const CREATE = ["create", "--email", "Root@Example.com", "--password-stdin", "--json"];

test("create makes an admin with a team on an empty database, once, and they can log in", async () => {
  await using database = await makeDatabase();
  const first = await admin(database.url, CREATE, "correct horse\n");
  assert.equal(first.code, 0, first.err);
  const made = JSON.parse(first.out);
  assert.deepEqual([made.email, made.created], ["root@example.com", true]);
  const second = await admin(database.url, CREATE, "another password");
  assert.deepEqual(JSON.parse(second.out), { ...made, created: false });
  await using stack = new AsyncDisposableStack();
  const db = openDatabase({ url: database.url, maxConnections: 1, onIdleError: () => {} });
  stack.defer(() => db.destroy());
  const users = usersOf(db);
  const session = await users.logIn("root@example.com", "correct horse");
  assert.equal(session.teamId, made.team_id);
  assert.equal((await users.holderOf(session.token))?.isAdmin, true);
});

test("set-password gives an account another password", async () => {
  await using database = await makeDatabase();
  await admin(database.url, CREATE, "correct horse");
  const args = ["set-password", "--email", "root@example.com", "--password-stdin"];
  const changed = await admin(database.url, args, "battery staple");
  assert.equal(changed.code, 0, changed.err);
  await using stack = new AsyncDisposableStack();
  const db = openDatabase({ url: database.url, maxConnections: 1, onIdleError: () => {} });
  stack.defer(() => db.destroy());
  const users = usersOf(db);
  await assert.rejects(users.logIn("root@example.com", "correct horse"), /wrong/);
  await users.logIn("root@example.com", "battery staple");
  const nobody = await admin(database.url, ["set-password", "--email", "x@y", "--password-stdin"], "battery staple");
  assert.deepEqual([nobody.code, nobody.err], [1, "roost admin: Nobody has an account with this email.\n"]);
});

test("an email of someone who is no admin is refused", async () => {
  await using database = await makeDatabase();
  await admin(database.url, ["migrate", "up"]);
  await using stack = new AsyncDisposableStack();
  const db = openDatabase({ url: database.url, maxConnections: 1, onIdleError: () => {} });
  stack.defer(() => db.destroy());
  const passwordHash = await hashPassword("correct horse");
  const account = { email: "root@example.com", passwordHash, isAdmin: false };
  await db.transaction().execute((trx) => insertAccount(trx, account));
  const refused = await admin(database.url, CREATE, "correct horse");
  assert.equal(refused.code, 1);
  assert.match(refused.err, /belongs to an account that is no admin/);
});

test("migrate goes up and down, and says what it did", async () => {
  await using database = await makeDatabase();
  assert.equal(
    (await admin(database.url, ["migrate", "up"])).out,
    "Did 001-initial.\nDid 002-snapshots.\nDid 003-people.\n",
  );
  assert.equal((await admin(database.url, ["migrate", "up"])).out, "There was nothing to do.\n");
  const down = await admin(database.url, ["migrate", "down", "--json"]);
  assert.deepEqual(JSON.parse(down.out), [{ name: "003-people", direction: "Down" }]);
});

test("config lists all settings without telling secrets, and needs no database", async () => {
  const url = "postgresql://u:hunter2@127.0.0.1:1/x";
  const listed = await admin(url, ["config", "--json"]);
  assert.equal(listed.code, 0);
  const names = JSON.parse(listed.out).map((setting: { name: string }) => setting.name);
  assert.ok(names.includes("ROOST_LISTEN") && names.includes("DATABASE_URL"));
  const words = await admin(url, ["config"]);
  assert.match(words.out, /^ROOST_LISTEN=127\.0\.0\.1:4700$/m);
  assert.doesNotMatch(listed.out + words.out, /hunter2/);
});

test("A5: a .env in the working folder is read, and the real environment wins over it", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "roost-env-"));
  try {
    await writeFile(join(cwd, ".env"), "ROOST_MAX_VCPUS=7\nROOST_SIGNUP=open\n");
    const listed = await admin("", ["config", "--json"], "", { cwd, env: { ROOST_SIGNUP: "invite" } });
    const settings: { name: string; value: unknown }[] = JSON.parse(listed.out);
    const value = (name: string) => settings.find((setting) => setting.name === name)?.value;
    assert.deepEqual([value("ROOST_MAX_VCPUS"), value("ROOST_SIGNUP")], [7, "invite"]);
    await writeFile(join(cwd, ".env"), "ROOST_MAX_VCPUS=lots\n");
    const refused = await admin("", ["config"], "", { cwd });
    assert.equal(refused.code, 1);
    assert.match(refused.err, /ROOST_MAX_VCPUS must be a whole number from 1 to 1024; it is "lots"\./);
  } finally {
    await rm(cwd, { recursive: true });
  }
});

test("wrong usage says how it is done, and exits with 2", async () => {
  const cases: [string[], string, RegExp][] = [
    [[], "", /A command is needed/],
    [["make"], "", /There is no command “make”/],
    [["create", "--password-stdin"], "correct horse", /--email and --password-stdin are needed/],
    [["create", "--email", "x@y"], "correct horse", /--email and --password-stdin are needed/],
    [["create", "--email", "nobody", "--password-stdin"], "correct horse", /“nobody” is no email address/],
    [["create", "--email", "x@y", "--password-stdin"], "short", /at least 8 characters/],
    [["migrate", "sideways"], "", /“migrate up” or “migrate down”/],
    [["create", "--force"], "", /Unknown option '--force'/],
  ];
  await Promise.all(
    cases.map(async ([args, input, message]) => {
      const ran = await admin("postgresql://127.0.0.1:1/x", args, input);
      assert.match(ran.err, message);
      assert.match(ran.err, /Usage: \.\/roost admin COMMAND/);
      assert.equal(ran.code, 2);
    }),
  );
});
