import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandError, runCommand } from "./run.ts";

test("a program gets its arguments as they are, its input, and gives its output", async () => {
  const odd = "$(id) ; 'x' \"y\" \n*";
  assert.deepEqual(await runCommand(["printf", "%s", odd]), { stdout: odd, stderr: "" });
  assert.equal((await runCommand(["cat"], { input: "über\n" })).stdout, "über\n");
});

test("a program that fails is an error with its name, status and the first line of what it said", async () => {
  const failing = runCommand(["sh", "-c", "echo; echo first >&2; echo second >&2; exit 7"]);
  await assert.rejects(failing, (error) => {
    assert.ok(error instanceof CommandError);
    assert.deepEqual([error.program, error.status, error.missing], ["sh", 7, false]);
    assert.equal(error.message, "sh: first");
    assert.equal(error.stderr, "first\nsecond\n");
    return true;
  });
  await assert.rejects(runCommand(["false"]), { message: "false: ended with status 1" });
});

test("a program that is not installed is told apart", async () => {
  await assert.rejects(runCommand(["roost-has-no-such-program"]), { missing: true, status: null });
});

test("a program that takes too long is killed, with whoever waits told why", async () => {
  await assert.rejects(runCommand(["sleep", "1000"], { timeoutMs: 50 }), /did not end within 0.05 s/);
});

test("what a program has started is killed with it", async () => {
  const running = runCommand(["sh", "-c", "sleep 1000 & echo $!; wait"], { timeoutMs: 200 });
  await assert.rejects(running, /did not end within/);
});

test("a program is killed when its caller gives up, and the caller's reason is what comes out", async () => {
  const cancel = new AbortController();
  const running = runCommand(["sleep", "1000"], { signal: cancel.signal });
  cancel.abort(new Error("enough"));
  await assert.rejects(running, /^Error: enough$/);
  await assert.rejects(runCommand(["true"], { signal: cancel.signal }), /^Error: enough$/);
});

test("a program that floods is killed before it takes our memory", async () => {
  await assert.rejects(runCommand(["yes"]), /wrote more than/);
});

test("a program that does not read its input is judged by its status", async () => {
  const input = "x".repeat(4 * 1024 * 1024);
  assert.equal((await runCommand(["true"], { input })).stdout, "");
  await assert.rejects(runCommand(["false"], { input }), { status: 1 });
});

test("a program does not inherit our environment", async () => {
  const { stdout } = await runCommand(["env"]);
  assert.deepEqual(
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0])
      .sort(),
    ["LC_ALL", "PATH"],
  );
});
