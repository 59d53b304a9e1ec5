import assert from "node:assert/strict";
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { temporaryFolder } from "../identity/testing/temporary-folder.ts";
import { connectEnvd, type ExecRequest } from "./envd-client.ts";
import { realGuest } from "./testing/real-guest.ts";

const MiB = 1024 * 1024;
const never = new AbortController().signal;

function command(cmd: string, args: string[] = [], more: Partial<ExecRequest> = {}): ExecRequest {
  return { cmd, args, env: {}, timeoutMs: 60_000, outputLimitBytes: 64 * MiB, ...more };
}

function shell(script: string, more: Partial<ExecRequest> = {}): ExecRequest {
  return command("/bin/sh", ["-c", script], more);
}

function fails(code: string, pattern = /./) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof RoostError, `a RoostError, not ${error}`);
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
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
      fails("invalid_request", /no\/such/),
    );
    await assert.rejects(
      guest.client.exec(command("true", [], { user: "nobody-here" }), never),
      fails("invalid_request", /nobody-here/),
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
    await assert.rejects(running, fails("host_failed", /cannot be reached/));
    process.kill(pid, "SIGKILL");
  });

  test("a client that is closed lets go of its commands", async () => {
    await using guest = await realGuest();
    const client = guest.connect();
    const running = client.exec(shell("sleep 1000"), never);
    const refused = assert.rejects(running, fails("host_failed"));
    await client[Symbol.asyncDispose]();
    await refused;
  });
});

suite("R4, R5: files in a real guest agent", () => {
  async function* pieces(count: number): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < count; index++) yield Buffer.alloc(MiB, index);
  }

  test("40 MB go in and come back the same, in constant memory", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const path = join(folder.path, "made", "on the way", "ü?&=#.bin");
    assert.equal(await guest.client.writeFile(path, guest.user, pieces(40), never), 40 * MiB);
    const { size, chunks } = await guest.client.readFile(path, guest.user, never);
    assert.equal(size, 40 * MiB);
    let offset = 0;
    for await (const chunk of chunks) {
      assert.ok(chunk.every((byte, index) => byte === Math.floor((offset + index) / MiB)));
      offset += chunk.length;
    }
    assert.equal(offset, 40 * MiB);
  });

  test("an empty file is a file", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const path = join(folder.path, "empty");
    assert.equal(await guest.client.writeFile(path, "", pieces(0), never), 0);
    assert.equal((await stat(path)).size, 0);
    assert.equal((await Array.fromAsync((await guest.client.readFile(path, "", never)).chunks)).length, 0);
  });

  test("an upload that breaks leaves nothing, and the old file as it was", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const path = join(folder.path, "file");
    await writeFile(path, "old");
    const broken = new Error("the source broke");
    async function* half(): AsyncGenerator<Uint8Array> {
      yield* pieces(3);
      throw broken;
    }
    await assert.rejects(guest.client.writeFile(path, guest.user, half(), never), broken);
    await guest.client.exec(command("true"), never);
    assert.equal(await readFile(path, "utf8"), "old");
    while ((await readdir(folder.path)).length > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test("what is missing, a folder, or for an unknown user is told as that", async () => {
    await using guest = await realGuest();
    await using folder = await temporaryFolder();
    const { path } = folder;
    await assert.rejects(guest.client.readFile(join(path, "none"), guest.user, never), fails("not_found", /none/));
    await assert.rejects(guest.client.readFile(path, guest.user, never), fails("invalid_request"));
    await assert.rejects(guest.client.writeFile(path, guest.user, pieces(0), never), fails("invalid_request"));
    await assert.rejects(
      guest.client.readFile("/etc/hostname", "nobody-here", never),
      fails("invalid_request", /nobody-here/),
    );
  });
});

suite("A real guest agent's health, metrics and token", () => {
  test("its metrics are those of the machine", async () => {
    await using guest = await realGuest();
    const metrics = await guest.client.metrics(never);
    assert.ok(metrics.cpuCount >= 1);
    assert.ok(metrics.memoryTotal > metrics.memoryUsed);
    assert.ok(Math.abs(metrics.at.getTime() - Date.now()) < 60_000);
  });

  test("without its token nothing is answered but health", async () => {
    await using guest = await realGuest();
    await using stranger = connectEnvd({ address: guest.address, port: guest.port, accessToken: "wrong" });
    await stranger.waitHealthy(never);
    await assert.rejects(stranger.exec(command("true"), never), RoostError);
    await assert.rejects(stranger.readFile("/etc/hostname", guest.user, never), RoostError);
    await assert.rejects(stranger.metrics(never), RoostError);
    await using friend = guest.connect();
    assert.equal((await friend.exec(command("true"), never)).exitCode, 0);
  });

  test("waiting for health outlasts a guest that is not there, and ends with its signal", async () => {
    await using guest = await realGuest();
    await guest.kill();
    const stop = new AbortController();
    const reason = new Error("enough");
    const waiting = connectEnvd({ address: guest.address, port: guest.port }).waitHealthy(stop.signal);
    setTimeout(() => stop.abort(reason), 300);
    await assert.rejects(waiting, reason);
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
