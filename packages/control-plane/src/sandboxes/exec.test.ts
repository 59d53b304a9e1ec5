import assert from "node:assert/strict";
import { after, test } from "node:test";
import { RoostError } from "@roost/protocol/errors";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { type TeamWithHosts, teamWithHosts } from "../testing/team.ts";
import { announced } from "../testing/until.ts";

/** Odd, so that it falls inside a character of two bytes. */
const OUTPUT_LIMIT = 1025;
const plane = await startTestControlPlane({ ROOST_EXEC_OUTPUT_LIMIT_BYTES: String(OUTPUT_LIMIT) });
const team: TeamWithHosts = await teamWithHosts(plane);
after(async () => {
  await team[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { api, db } = plane;
const { key } = team.member;
const id = await team.create();

function exec(json: object, sandbox = id) {
  return api.post(`/v1/sandboxes/${sandbox}/exec`, { key, json });
}

test("R2: a command's output, exit code and duration come back", async () => {
  const { status, body } = await exec({ cmd: "echo", args: ["6 × 7 =", "42"] });
  assert.equal(status, 200);
  assert.deepEqual(body, {
    sandbox_id: id,
    cmd: "echo",
    stdout: "6 × 7 = 42\n",
    stderr: "",
    exit_code: 0,
    duration_ms: 1,
    encoding: "utf-8",
    timed_out: false,
    truncated: false,
  });
});

test("R2: command, arguments, environment, folder, user, input and time reach the host as they were sent", async () => {
  await exec({
    cmd: "cat",
    args: ["-", ""],
    env: { A: "1" },
    cwd: "/tmp",
    user: "user",
    stdin: "a\0b",
    timeout_sec: 1.5,
  });
  const { cmd, args, env, cwd, user, stdin, timeoutMs, outputLimitBytes } =
    team.peer.agent.execs.at(-1) ?? assert.fail();
  assert.deepEqual(
    { cmd, args, env: { ...env }, cwd, user, stdin: Buffer.from(stdin).toString(), timeoutMs, outputLimitBytes },
    {
      cmd: "cat",
      args: ["-", ""],
      env: { A: "1" },
      cwd: "/tmp",
      user: "user",
      stdin: "a\0b",
      timeoutMs: 1500,
      outputLimitBytes: OUTPUT_LIMIT,
    },
  );
});

test("R2: output that is not text comes as base64, both streams alike", async () => {
  const { body } = await exec({ cmd: "bytes", args: ["00ff80"] });
  assert.equal(body.encoding, "base64");
  assert.equal(Buffer.from(body.stdout, "base64").toString("hex"), "00ff80");
  assert.equal(Buffer.from(body.stderr, "base64").toString(), "plain");
});

test("R2: the exit code is the command's own", async () => {
  assert.equal((await exec({ cmd: "exit", args: ["42"] })).body.exit_code, 42);
  assert.equal((await exec({ cmd: "no-such-program" })).body.exit_code, 127);
});

test("R2: a command that runs out of time gives what came so far, and no exit code", async () => {
  const { status, body } = await exec({ cmd: "slow", timeout_sec: 0.05 });
  assert.equal(status, 200);
  assert.deepEqual([body.timed_out, body.exit_code, body.stdout], [true, null, "so far"]);
});

test("R2: output beyond the limit is cut and said to be, and text that was cut inside a character is still text", async () => {
  const { body } = await exec({ cmd: "flood", args: [String(OUTPUT_LIMIT - 2)] });
  assert.equal(body.encoding, "base64", "not cut: half a character is no text");
  const cut = await exec({ cmd: "flood", args: ["100000"] });
  assert.equal(cut.body.truncated, true);
  assert.equal(cut.body.encoding, "utf-8");
  assert.match(cut.body.stdout, /^é+$/);
});

test("R2: a command that writes nothing gives empty text", async () => {
  const { body } = await exec({ cmd: "cat" });
  assert.deepEqual([body.stdout, body.stderr, body.encoding], ["", "", "utf-8"]);
});

test("bad input to exec is 400, and the host is not asked", async (t) => {
  const asked = team.peer.agent.execs.length;
  const cases: [string, object, RegExp][] = [
    ["no command", {}, /cmd is missing/],
    ["an empty command", { cmd: "" }, /cmd/],
    ["NUL in the command", { cmd: "a\0b" }, /cmd must be whole/],
    ["NUL in an argument", { cmd: "echo", args: ["ok", "\0"] }, /args\[1\] must be whole/],
    ["NUL in the folder", { cmd: "echo", cwd: "/tmp\0" }, /cwd must not be empty, and be without NUL/],
    ["half a character on standard input", { cmd: "cat", stdin: "\ud800" }, /stdin must be whole/],
    ["no time", { cmd: "echo", timeout_sec: 0 }, /timeout_sec/],
    ["a shell's line for arguments", { cmd: "echo", args: "a b" }, /args must be array/],
  ];
  for (const [name, json, message] of cases) {
    await t.test(name, async () => {
      const answer = await exec(json);
      assert.equal(answer.status, 400);
      assert.match(answer.body.error.message, message);
    });
  }
  assert.equal(team.peer.agent.execs.length, asked);
});

test("exec in a sandbox that does not run is 409 not_running", async () => {
  const stopped = await team.create();
  await api.delete(`/v1/sandboxes/${stopped}`, { key });
  const answer = await exec({ cmd: "echo" }, stopped);
  assert.deepEqual([answer.status, answer.body.error.code], [409, "not_running"]);
  assert.match(answer.body.error.message, /is stopped/);
});

test("exec in a sandbox that its host has lost is 409 not_running", async () => {
  const lost = await team.create();
  team.peer.agent.sandboxes.delete(lost);
  const answer = await exec({ cmd: "echo" }, lost);
  assert.deepEqual([answer.status, answer.body.error.code], [409, "not_running"]);
});

test("A2: exec in another team's sandbox is 404", async () => {
  const stranger = await plane.newMember();
  const answer = await api.post(`/v1/sandboxes/${id}/exec`, { key: stranger.key, json: { cmd: "echo" } });
  assert.equal(answer.status, 404);
});

test("exec on a host that refuses or fails gives the documented error", async () => {
  const { agent } = team.peer;
  agent.refuse("exec", new RoostError("invalid_request", "cwd is no folder."));
  const refused = await exec({ cmd: "echo" });
  assert.deepEqual([refused.status, refused.body.error.message], [400, "cwd is no folder."]);
  agent.refuse("exec", new RoostError("unauthorized", "not you"));
  assert.deepEqual((await exec({ cmd: "echo" })).body.error, {
    code: "host_failed",
    message: "The host failed: not you",
  });
  agent.before("exec", () => {
    throw new Error("a bug");
  });
  assert.equal((await exec({ cmd: "echo" })).status, 502);
  agent.before("exec", undefined);
});

test("a caller that hangs up ends the command", async () => {
  const caller = new AbortController();
  const started = announced(team.peer.agent, "exec");
  const gaveUp = announced(team.peer.agent, "gave-up");
  const waiting = api.post(`/v1/sandboxes/${id}/exec`, { key, json: { cmd: "hang" }, signal: caller.signal });
  await started;
  caller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  await gaveUp;
});

test("a command counts as activity", async () => {
  const long_ago = new Date(0);
  await db.updateTable("sandboxes").set({ last_active_at: long_ago }).where("id", "=", id).execute();
  await exec({ cmd: "echo" });
  const { body } = await api.get(`/v1/sandboxes/${id}`, { key });
  assert.ok(new Date(body.last_active_at) > long_ago);
});

test("exec on a host that is silent is 503 host_unavailable", async () => {
  await using other = await teamWithHosts(plane);
  const sandbox = await other.create();
  await other.peer.goSilent();
  const answer = await api.post(`/v1/sandboxes/${sandbox}/exec`, { key: other.member.key, json: { cmd: "echo" } });
  assert.deepEqual([answer.status, answer.body.error.code], [503, "host_unavailable"]);
});
