/** `up` and `down` as a user meets them, over the deaths of the launcher itself (U2). */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { takeLot } from "../instance/lot.ts";
import { runFolderOf } from "../settings.ts";

const run = promisify(execFile);

interface TestedLauncher extends AsyncDisposable {
  readonly home: string;
  roost(...args: string[]): Promise<{ stdout: string; stderr: string }>;
  launcherPid(): Promise<number>;
}

async function testedLauncher(): Promise<TestedLauncher> {
  await using stack = new AsyncDisposableStack();
  const lot = stack.use(await takeLot());
  const home = await mkdtemp(join(tmpdir(), "roost-up-"));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const { DATABASE_URL: _, ...inherited } = process.env;
  const env = { ...inherited, ...lot.environment, ROOST_HOME: home };
  const roost = (...args: string[]) =>
    run(process.execPath, [join(import.meta.dirname, "../main.ts"), ...args], { env });
  stack.defer(async () => void (await roost("down")));
  const kept = stack.move();
  return {
    home,
    roost,
    launcherPid: async () => (JSON.parse(await readFile(join(home, "launcher.json"), "utf8")) as { pid: number }).pid,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Processes that work for this home, by what stands on their command lines or in their environments. */
async function processesOf(home: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const read = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
    const [commandLine, environment] = await Promise.all([read("cmdline"), read("environ")]);
    const ours = [home, runFolderOf(home)].some((word) => commandLine.includes(word) || environment.includes(word));
    if (ours && commandLine !== "") found.push(`${pid} ${commandLine.replaceAll("\0", " ")}`);
  }
  return found;
}

async function untilGone(home: string): Promise<void> {
  const end = Date.now() + 60_000;
  while ((await processesOf(home)).length > 0) {
    if (Date.now() > end) assert.fail(`still there:\n${(await processesOf(home)).join("\n")}`);
    await sleep(50);
  }
}

test("up prints what opens it, a second up the same, and down leaves no process and no run folder", async () => {
  await using launcher = await testedLauncher();
  const first = await launcher.roost("up", "--detach", "--json");
  const printed = JSON.parse(first.stdout) as Record<string, string>;
  assert.deepEqual(Object.keys(printed), ["url", "api_key", "admin_email", "admin_password"]);
  assert.equal((await stat(join(launcher.home, "credentials.json"))).mode & 0o777, 0o600);

  const second = await launcher.roost("up", "--detach", "--json");
  assert.equal(second.stdout, first.stdout);
  assert.match(second.stderr, /already runs/);

  const { stderr } = await launcher.roost("down");
  assert.match(stderr, /no sandbox was running/);
  assert.deepEqual(await processesOf(launcher.home), []);
  await assert.rejects(stat(runFolderOf(launcher.home)), { code: "ENOENT" });
});

test("kill -9 of the launcher ends its servers; the next up goes on with the same database, and down after another kill clears up", async () => {
  await using launcher = await testedLauncher();
  const first = await launcher.roost("up", "--detach", "--json");
  process.kill(await launcher.launcherPid(), "SIGKILL");
  await untilGone(launcher.home);

  const again = await launcher.roost("up", "--detach", "--json");
  assert.equal(again.stdout, first.stdout);
  process.kill(await launcher.launcherPid(), "SIGKILL");
  await untilGone(launcher.home);

  const { stderr } = await launcher.roost("down");
  assert.match(stderr, /nothing is left/);
  await assert.rejects(stat(runFolderOf(launcher.home)), { code: "ENOENT" });
  await assert.rejects(stat(join(launcher.home, "launcher.json")), { code: "ENOENT" });
});
