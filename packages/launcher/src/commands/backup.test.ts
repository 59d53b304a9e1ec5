/** The launcher as a process, on homes of the test's own: what it backs up, another home can become. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { type PrivatePostgres, privatePostgres } from "../postgres/testing/private-postgres.ts";

async function roost({ settings }: PrivatePostgres, args: readonly string[], input = "") {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../main.ts"), ...args], {
    env: { ...process.env, ROOST_HOME: settings.home, DATABASE_URL: "" },
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code, out, err };
}

test("U4: a Roost that is restored from its backup has its people, its secret and its credentials", async () => {
  await using first = await privatePostgres();
  await using second = await privatePostgres();
  const create = ["admin", "create", "--email", "owner@example.com", "--password-stdin"];
  const made = await roost(first, create, "correct horse");
  assert.equal(made.code, 0, made.err);
  await writeFile(join(first.settings.home, "secret"), "s".repeat(64), { mode: 0o600 });
  await writeFile(join(first.settings.home, "credentials.json"), '{"admin_email":"owner@example.com"}', {
    mode: 0o600,
  });
  const file = join(first.settings.home, "kept.backup");
  const kept = await roost(first, ["backup", file]);
  assert.equal(kept.code, 0, kept.err);
  assert.equal((await stat(file)).mode & 0o777, 0o600);

  const refused = await roost(first, ["restore", file]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /in use/);

  const restored = await roost(second, ["restore", file]);
  assert.equal(restored.code, 0, restored.err);
  const admins = JSON.parse((await roost(second, ["admin", "list", "--json"])).out);
  assert.equal(admins[0].email, "owner@example.com");
  assert.equal(await readFile(join(second.settings.home, "secret"), "utf8"), "s".repeat(64));
  const credentials = JSON.parse(await readFile(join(second.settings.home, "credentials.json"), "utf8"));
  assert.equal(credentials.admin_email, "owner@example.com");

  const nonsense = join(second.settings.home, "nonsense");
  await writeFile(nonsense, "nonsense\n");
  assert.match((await roost(second, ["restore", nonsense])).err, /no backup that \.\/roost backup wrote/);
});
