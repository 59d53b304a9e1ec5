import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { temporaryFolder } from "../identity/testing/temporary-folder.ts";
import type { ExecRequest } from "./envd-client.ts";
import { fails } from "./testing/fails.ts";
import { realGuest } from "./testing/real-guest.ts";

const MiB = 1024 * 1024;
const never = new AbortController().signal;

function command(cmd: string, args: string[] = [], more: Partial<ExecRequest> = {}): ExecRequest {
  return { cmd, args, env: {}, timeoutMs: 60_000, outputLimitBytes: 64 * MiB, ...more };
}

function shell(script: string, more: Partial<ExecRequest> = {}): ExecRequest {
  return command("/bin/sh", ["-c", script], more);
}

suite("R2: commands in a real guest agent", () => {
  test("stdout, stderr, exit code, and the time it took", async () => {
    await using guest = await realGuest();
    const result = await guest.client.exec(shell("echo out; echo err >&2; exit 3"), never);
    assert.equal(result.stdout.toString(), "out\n");
    assert.equal(result.stderr.toString(), "err\n");
    assert.equal(result.exitCode, 3);
    assert.equal(result.timedOut, false);
    assert.equal(result.truncated, false);
    assert.ok(result.durationMs >= 0);
  });

  test("arguments, environment, folder and user are as asked", async () => {
    await using guest = await realGuest();
    const asked = command("/bin/sh", ["-c", 'printf "%s|" "$1" "$A" "$FROM_INIT" "$PWD"; id -un', "sh", "a  b'\"$"], {
      env: { A: "ü=\n" },
      cwd: "/usr",
      user: guest.user,
    });
    const { stdout } = await guest.client.exec(asked, never);
    assert.equal(stdout.toString(), `a  b'"$|ü=\n|yes|/usr|${guest.user}\n`);
  });

  test("bytes that are no text come through as they are", async () => {
    await using guest = await realGuest();
    const { stdout } = await guest.client.exec(shell("printf '\\377\\000\\200'"), never);
    assert.deepEqual([...stdout], [0xff, 0, 0x80]);
  });

  test("without input, its standard input is empty", async () => {
    await using guest = await realGuest();
    const { stdout, exitCode } = await guest.client.exec(command("cat"), never);
    assert.equal(stdout.length, 0);
    assert.equal(exitCode, 0);
  });

  test("16 MiB of input arrive whole", async () => {
    await using guest = await realGuest();
    const stdin = Buffer.alloc(16 * MiB, "roost ");
    const { stdout, exitCode } = await guest.client.exec(command("cat", [], { stdin }), never);
    assert.equal(exitCode, 0);
    assert.ok(stdout.equals(stdin));
  });

  test("a command that does not read its input ends all the same", async () => {
    await using guest = await realGuest();
    const stdin = Buffer.alloc(4 * MiB);
    const { exitCode } = await guest.client.exec(command("true", [], { stdin }), never);
    assert.equal(exitCode, 0);
  });

  test("one that closes its input early is no failure", async () => {
    await using guest = await realGuest();
    const stdin = Buffer.alloc(4 * MiB, "x");
    const { stdout, exitCode } = await guest.client.exec(
      shell("head -c 3; exec <&-; sleep 0.3; exit 4", { stdin }),
      never,
    );
    assert.equal(stdout.toString(), "xxx");
    assert.equal(exitCode, 4);
  });

  test("50 MB of output arrive whole", async () => {
    await using guest = await realGuest();
    const { stdout, truncated } = await guest.client.exec(shell("head -c 50000000 /dev/zero"), never);
    assert.equal(stdout.length, 50_000_000);
    assert.equal(truncated, false);
  });

  test("beyond the limit output is dropped, and the command ends by itself", async () => {
    await using guest = await realGuest();
    const { stdout, truncated, exitCode } = await guest.client.exec(
      shell("head -c 5000000 /dev/zero; exit 9", { outputLimitBytes: 1_000 }),
      never,
    );
    assert.equal(stdout.length, 1_000);
    assert.equal(truncated, true);
    assert.equal(exitCode, 9);
  });

  test("a command that is not there is 127, one that cannot be executed 126", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const missing = await guest.client.exec(command("no-such-command"), never);
    assert.equal(missing.exitCode, 127);
    assert.equal(missing.stderr.toString(), "roost: no-such-command: command not found\n");
    const plain = join(folder.path, "plain");
    await writeFile(plain, "words");
    await chmod(plain, 0o644);
    assert.equal((await guest.client.exec(command(plain), never)).exitCode, 126);
  });

  for (const [signal, code] of [
    ["KILL", 137],
    ["TERM", 143],
    ["SEGV", 139],
    ["ABRT", 134],
    ["HUP", 129],
    ["RTMIN", 162],
  ] as const) {
    test(`an end by SIG${signal} is ${code}`, async () => {
      await using guest = await realGuest();
      assert.equal((await guest.client.exec(shell(`kill -${signal} $$`), never)).exitCode, code);
    });
  }

  test("a folder that is not there, or an unknown user, is an invalid request", async () => {
    await using guest = await realGuest();
    await assert.rejects(
      guest.client.exec(command("true", [], { cwd: "/no/such" }), never),
      fails(/no\/such/, "invalid_request"),
    );
    await assert.rejects(
      guest.client.exec(command("true", [], { user: "nobody-here" }), never),
      fails(/nobody-here/, "invalid_request"),
    );
  });

  test("at its time-out it is killed with its children, also one that ignores SIGTERM; what came so far is kept", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const pidFile = join(folder.path, "pid");
    const script = `trap '' TERM; echo so far; sleep 1000 & echo $! > ${pidFile}; wait; sleep 1000`;
    const result = await guest.client.exec(shell(script, { timeoutMs: 1_000 }), never);
    assert.equal(result.timedOut, true);
    assert.equal(result.exitCode, null);
    assert.equal(result.stdout.toString(), "so far\n");
    await gone(Number(await readFile(pidFile, "utf8")));
  });

  test("a process that forks away does not keep its command waiting", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const pidFile = join(folder.path, "pid");
    const { stdout, exitCode, timedOut } = await guest.client.exec(
      shell(`setsid sleep 1000 & echo $! > ${pidFile}; echo parent done`),
      never,
    );
    process.kill(Number(await readFile(pidFile, "utf8")), "SIGKILL");
    assert.equal(stdout.toString(), "parent done\n");
    assert.equal(exitCode, 0);
    assert.equal(timedOut, false);
  });

  test("the caller's abort kills it", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const pidFile = join(folder.path, "pid");
    const caller = new AbortController();
    const reason = new Error("the caller left");
    const running = guest.client.exec(shell(`echo $$ > ${pidFile}; exec sleep 1000`), caller.signal);
    const pid = await content(pidFile);
    caller.abort(reason);
    await assert.rejects(running, reason);
    await gone(Number(pid));
  });

  test("many at once are told apart", async () => {
    await using guest = await realGuest();
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const results = await Promise.all(numbers.map((number) => guest.client.exec(shell(`echo ${number}`), never)));
    assert.deepEqual(
      results.map(({ stdout }) => Number(stdout.toString())),
      numbers,
    );
  });

  test("a guest agent that dies is an error, not an exit code", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const pidFile = join(folder.path, "pid");
    const running = guest.client.exec(shell(`echo $$ > ${pidFile}; exec sleep 1000`), never);
    const pid = Number(await content(pidFile));
    await guest.kill();
    await assert.rejects(running, fails(/cannot be reached/, "host_failed"));
    process.kill(pid, "SIGKILL");
  });

  test("a client that is closed lets go of its commands", async () => {
    await using guest = await realGuest();
    const client = guest.connect();
    const running = client.exec(shell("sleep 1000"), never);
    const refused = assert.rejects(running, fails(/./, "host_failed"));
    await client[Symbol.asyncDispose]();
    await refused;
  });
});

async function content(path: string): Promise<string> {
  for (;;) {
    const text = await readFile(path, "utf8").catch(() => "");
    if (text.endsWith("\n")) return text;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Resolves when no such process runs; a zombie has ended. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "gone");
    if (!/^\d+ \(.*\) [^Z]/.test(status)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
