import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { homePaths, readSettings, type Settings } from "../settings.ts";
import { removeLauncherRecord, runningLauncher, writeLauncherRecord } from "./launcher-record.ts";

async function settingsOf(t: { after(work: () => Promise<void>): void }): Promise<Settings> {
  const home = await mkdtemp(join(tmpdir(), "roost-record-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  return readSettings({ ROOST_HOME: home });
}

test("a launcher that runs is found, until it takes its record away", async (t) => {
  const settings = await settingsOf(t);
  assert.equal(await runningLauncher(settings), undefined);
  await writeLauncherRecord(settings, { pid: process.pid, ready: false });
  assert.deepEqual(await runningLauncher(settings), { pid: process.pid, ready: false });
  await removeLauncherRecord(settings);
  assert.equal(await runningLauncher(settings), undefined);
});

test("the record of a process that has ended is a record of nobody", async (t) => {
  const settings = await settingsOf(t);
  const child = spawn("sleep", ["1000"]);
  const ended = once(child, "close");
  await writeLauncherRecord(settings, { pid: child.pid ?? 0, ready: true });
  assert.equal((await runningLauncher(settings))?.pid, child.pid);
  child.kill();
  await ended;
  assert.equal(await runningLauncher(settings), undefined);
});

test("a process that got the same id later is not taken for the launcher", async (t) => {
  const settings = await settingsOf(t);
  await writeLauncherRecord(settings, { pid: process.pid, ready: true });
  const record = JSON.parse(await readFile(homePaths.launcher(settings), "utf8")) as { started: string };
  const [boot, ticks] = record.started.split(" ");
  const earlier = { ...record, started: `${boot} ${Number(ticks) - 1}` };
  await writeFile(homePaths.launcher(settings), JSON.stringify(earlier));
  assert.equal(await runningLauncher(settings), undefined);
});
