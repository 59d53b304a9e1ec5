/**
 * Stories of commands and files in one sandbox, on a real microVM, through the doors that a user has.
 *
 * Runs in the lab, too.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { before, describe, test } from "node:test";
import type { Sandbox } from "@roost/sdk";
import { roostForTests } from "./roost-for-tests.ts";

describe("a sandbox", () => {
  const its = roostForTests();
  let sandbox: Sandbox;

  before(async () => {
    sandbox = await its.roost.sandboxes.create({ env: { COLOUR: "blue" } });
  });

  const sh = (script: string, options: Parameters<Sandbox["exec"]>[2] = {}): ReturnType<Sandbox["exec"]> =>
    sandbox.exec("sh", ["-c", script], options);

  test("runs a command in a kernel of its own (R1, R2)", async () => {
    assert.equal(sandbox.status, "running");
    const sum = await sandbox.exec("python3", ["-c", "print(6*7)"]);
    assert.deepEqual([sum.stdout, sum.stderr, sum.exitCode], ["42\n", "", 0]);
    const kernel = await sandbox.exec("uname", ["-r"]);
    assert.match(kernel.stdout, /cloud-amd64/);
    const { stdout } = await sandbox.exec("hostname");
    assert.equal(stdout.trim(), sandbox.id);
  });

  test("tells stdout, stderr, exit status and the end by a signal (R2)", async () => {
    const failed = await sh("echo out; echo err >&2; exit 7");
    assert.deepEqual([failed.stdout, failed.stderr, failed.exitCode], ["out\n", "err\n", 7]);
    assert.equal((await sh("kill -TERM $$")).exitCode, 143);
    assert.equal((await sandbox.exec("no-such-command")).exitCode, 127);
  });

  test("runs as its user, with its environment, working folder and input (R2)", async () => {
    const usual = await sh("id -un; pwd; echo $COLOUR $HOME");
    assert.equal(usual.stdout, "user\n/home/user\nblue /home/user\n");
    const other = await sh("id -un; pwd; echo $COLOUR; cat", {
      user: "root",
      cwd: "/etc",
      env: { COLOUR: "red" },
      stdin: "read me",
    });
    assert.equal(other.stdout, "root\n/etc\nred\nread me");
    assert.equal((await sandbox.exec("sudo", ["id", "-u"])).stdout, "0\n");
  });

  test("gives bytes that are no UTF-8 back as they are (R2)", async () => {
    const { stdoutBytes } = await sh("printf '\\377\\000\\200ok'");
    assert.deepEqual(Buffer.from(stdoutBytes), Buffer.from([0xff, 0, 0x80, 0x6f, 0x6b]));
  });

  test("returns 50 MB of output whole (R2)", async () => {
    const result = await sh("head -c 50000000 /dev/zero | tr '\\0' x", { timeoutSec: 300 });
    assert.equal(result.stdout.length, 50_000_000);
    assert.equal(result.truncated, false);
    assert(!/[^x]/.test(result.stdout));
  });

  test("says when output was too much, and still runs the command to its end (R2)", async () => {
    const result = await sh("head -c 80000000 /dev/zero; echo done > /tmp/drained", { timeoutSec: 300 });
    assert.equal(result.truncated, true);
    assert.equal(result.exitCode, 0);
    assert.equal(result.stdoutBytes.length, 64 * 1024 * 1024);
    assert.equal((await sh("cat /tmp/drained")).stdout, "done\n");
  });

  test("does not wait for a process that forked away and kept the output open (R2)", async () => {
    const result = await sh("sleep 600 & echo started", { timeoutSec: 120 });
    assert.deepEqual([result.stdout, result.exitCode, result.timedOut], ["started\n", 0, false]);
    assert.equal((await sh("pgrep -x sleep >/dev/null && echo alive")).stdout, "alive\n");
  });

  test("kills a command that ignores SIGTERM at its time limit, with its children, and tells what came so far (R2)", async () => {
    const result = await sh("trap '' TERM; echo early; sleep 601 & while :; do sleep 1; done", { timeoutSec: 3 });
    assert.deepEqual([result.stdout, result.exitCode, result.timedOut], ["early\n", null, true]);
    assert.equal((await sandbox.exec("pgrep", ["-fx", "sleep 601"])).exitCode, 1);
  });

  test("takes and gives files, whatever is in them (R4)", async () => {
    const content = randomBytes(5_000_000);
    await sandbox.files.write("deep/down/data.bin", content);
    const sum = await sh("sha256sum deep/down/data.bin | cut -d' ' -f1; stat -c %U deep/down/data.bin");
    assert.equal(sum.stdout, `${createHash("sha256").update(content).digest("hex")}\nuser\n`);
    assert.deepEqual(Buffer.from(await sandbox.files.read("/home/user/deep/down/data.bin")), content);
  });

  test("says clearly when a file is not there, or a path cannot be (R4)", async () => {
    await assert.rejects(sandbox.files.read("/nowhere"), { code: "not_found", status: 404 });
    await assert.rejects(sandbox.files.read("/etc/\0passwd"), { code: "invalid_request", status: 400 });
    await assert.rejects(sandbox.files.write("/etc/\0passwd", "x"), { code: "invalid_request", status: 400 });
    await assert.rejects(sandbox.files.read("/etc"), { code: "invalid_request", status: 400 });
  });

  test("reaches names and hosts of the internet's side, as far as this machine does", async () => {
    const { stdout } = await sh("cat /etc/resolv.conf; ip route show default || cat /proc/net/route");
    assert.match(stdout, /nameserver 169\.254\.0\.22/);
    assert.match(stdout, /default via 169\.254\.0\.22/);
  });

  test("shows what its console printed", async () => {
    const logs = await sandbox.logs();
    assert.equal(typeof logs.console, "string");
    assert.equal(typeof logs.vmm, "string");
  });
});
