/** The private PostgreSQL's life, on the real one: what it promises, and what it survives (U4). */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CONTROL_PLANE_USER, POSTGRES_USER } from "../supervise/confined.ts";
import { postgresProcessesOf } from "./leftovers.ts";
import { end, privatePostgres } from "./testing/private-postgres.ts";

/** Another process that runs the PostgreSQL of this home, as a launcher does; and that PostgreSQL's process id. */
async function otherLauncher(home: string): Promise<{ launcher: ChildProcess; postmaster: number }> {
  const script = join(import.meta.dirname, "testing/hold.ts");
  const launcher = spawn(process.execPath, [script, home], { stdio: ["ignore", "pipe", "inherit"] });
  const [pid] = (await once(launcher.stdout, "data")) as [Buffer];
  return { launcher, postmaster: Number(pid.toString()) };
}

test("it keeps what it acknowledges, listens on its socket alone, and runs as a user without rights (U4)", async () => {
  await using postgres = await privatePostgres();
  const server = await postgres.start();
  const settings = "fsync, full_page_writes, synchronous_commit, data_checksums, listen_addresses";
  const values: unknown[] = [];
  for (const name of settings.split(", "))
    values.push(...(await postgres.query(`SHOW ${name}`)).map((row) => Object.values(row ?? {})[0]));
  assert.deepEqual(values, ["on", "on", "on", "on", ""]);

  const status = await readFile(`/proc/${server.pid}/status`, "utf8");
  assert.match(status, new RegExp(`^Uid:(\\s+${POSTGRES_USER.id}){4}$`, "m"));
  assert.match(status, /^CapEff:\s+0+$/m);
  assert.match(status, /^NoNewPrivs:\s+1$/m);
  assert.equal((await stat(postgres.layout.data)).mode & 0o777, 0o700);
  await end(server, "SIGINT");
});

test("only the control plane's user, and root, may connect", async () => {
  await using postgres = await privatePostgres();
  const server = await postgres.start();
  // The checkout may lie where only root may enter: what is in it is loaded before the user is changed.
  const script = (uid: number) => `
    const { default: pg } = await import(${JSON.stringify(import.meta.resolve("pg"))});
    process.setgroups([]);
    process.setegid(${uid});
    process.seteuid(${uid});
    const client = new pg.Client({ connectionString: ${JSON.stringify(postgres.url)} });
    await client.connect();
    await client.end();
  `;
  const connectAs = (uid: number) => spawnSync(process.execPath, ["--input-type=module", "-e", script(uid)]);
  assert.equal(connectAs(CONTROL_PLANE_USER.id).stderr.toString(), "");
  assert.match(connectAs(65_534).stderr.toString(), /[Pp]eer authentication failed/);
  await end(server, "SIGINT");
});

test("kill -9 of the server loses nothing that was committed", async () => {
  await using postgres = await privatePostgres();
  const first = await postgres.start();
  await postgres.query("CREATE TABLE kept AS SELECT 42 AS answer");
  await end(first, "SIGKILL");
  const second = await postgres.start();
  assert.deepEqual(await postgres.query("SELECT answer FROM kept"), [{ answer: 42 }]);
  await end(second, "SIGINT");
});

test("kill -9 of the launcher ends the server, and the next launcher starts it again", async () => {
  await using postgres = await privatePostgres();
  const { launcher, postmaster } = await otherLauncher(postgres.settings.home);
  const ended = once(launcher, "exit");
  launcher.kill("SIGKILL");
  await ended;
  const server = await postgres.start();
  assert.notEqual(server.pid, postmaster);
  assert.ok(!(await postgresProcessesOf(postgres.layout.data)).includes(postmaster));
  await end(server, "SIGINT");
});

test("a server that another launcher still runs is shut down properly before this folder is opened", async () => {
  await using postgres = await privatePostgres();
  const { launcher, postmaster } = await otherLauncher(postgres.settings.home);
  assert.ok((await postgresProcessesOf(postgres.layout.data)).includes(postmaster));
  const server = await postgres.start();
  assert.ok(postgres.said.some((line) => line.includes("SIGINT")));
  assert.throws(() => process.kill(postmaster, 0), { code: "ESRCH" });
  const log = await postgres.query("SELECT pg_is_in_recovery() AS recovering");
  assert.deepEqual(log, [{ recovering: false }]);
  launcher.kill("SIGKILL");
  await end(server, "SIGINT");
});

test("a stale postmaster.pid whose number now belongs to another Roost's server does not stop the start", async () => {
  await using other = await privatePostgres();
  await using postgres = await privatePostgres();
  const stranger = await other.start();
  await end(await postgres.start(), "SIGKILL");
  const path = join(postgres.layout.data, "postmaster.pid");
  const stale = (await readFile(path, "utf8")).split("\n").with(0, String(stranger.pid)).join("\n");
  await writeFile(path, stale);

  const server = await postgres.start();
  assert.ok(postgres.said.some((line) => line.includes("stale")));
  assert.equal(stranger.exitCode, null);
  assert.equal((await other.query("SELECT 1 AS one")).length, 1);
  await end(server, "SIGINT");
  await end(stranger, "SIGINT");
});

test("a folder that holds something else is left alone", async () => {
  await using postgres = await privatePostgres();
  await mkdir(postgres.layout.data);
  await writeFile(join(postgres.layout.data, "thesis.txt"), "years of work\n");
  await assert.rejects(postgres.start(), /holds no PostgreSQL data/);
  assert.equal(await readFile(join(postgres.layout.data, "thesis.txt"), "utf8"), "years of work\n");
});
