import assert from "node:assert/strict";
import { test } from "node:test";
import { execWire, SANDBOX_ID, ScriptedServer, sandboxWire } from "@roost/sdk/testing";
import { spawnRoost } from "../testing/spawn-roost.ts";
import { temporaryPlace } from "../testing/temporary-place.ts";

/** Runs `roost` against a server whose every command answers so. */
async function exec(args: readonly string[], answer: object, more: { input?: Uint8Array | string } = {}) {
  await using place = await temporaryPlace();
  await using server = await ScriptedServer.start(({ method }) => ({
    json: method === "GET" ? sandboxWire() : answer,
  }));
  const env = { ...place.env, ROOST_URL: server.url, ROOST_API_KEY: "rst_key", TOKEN: "from here" };
  const finished = await spawnRoost(args, { env, ...more });
  const body = server.requests.find(({ method }) => method === "POST")?.body;
  const asked: unknown = body === undefined ? undefined : JSON.parse(Buffer.from(body).toString());
  return { ...finished, asked };
}

test("R2: output goes byte for byte to the same streams, and the exit status is passed through", async () => {
  const bytes = Buffer.from([0, 255, 27, 91, 65, 10]);
  const answer = execWire({
    stdout: bytes.toString("base64"),
    stderr: btoa("\x1b[31mred\x1b[0m"),
    encoding: "base64",
    exit_code: 42,
  });
  const { exitCode, stdout, stderr } = await exec(["exec", SANDBOX_ID, "--", "cmd"], answer);
  assert.deepEqual([exitCode, stdout, stderr], [42, bytes, "\x1b[31mred\x1b[0m"]);
});

test("R2: what is typed is what is asked", async () => {
  const args = ["exec", "--user", "root", SANDBOX_ID, "-w", "/tmp", "-e", "A=b", "--env", "TOKEN", "--timeout", "5m"];
  const { exitCode, asked } = await exec([...args, "python3", "-c", "print(1)", "--json"], execWire());
  assert.equal(exitCode, 0);
  assert.deepEqual(asked, {
    cmd: "python3",
    args: ["-c", "print(1)", "--json"],
    env: { A: "b", TOKEN: "from here" },
    cwd: "/tmp",
    user: "root",
    timeout_sec: 300,
  });
});

test("R2: out of time is 124, and said", async () => {
  const answer = execWire({ stdout: "so far", exit_code: null, timed_out: true, duration_ms: 30_000 });
  const { exitCode, stdout, stderr } = await exec(["exec", SANDBOX_ID, "sleep", "99"], answer);
  assert.deepEqual([exitCode, stdout.toString()], [124, "so far"]);
  assert.equal(stderr, "roost: sleep was killed after 30.0 s: give it more time with --timeout.\n");
});

test("R2: output that was cut is told of", async () => {
  const { exitCode, stderr } = await exec(["exec", SANDBOX_ID, "yes"], execWire({ stdout: "y", truncated: true }));
  assert.equal(exitCode, 0);
  assert.match(stderr, /^roost: yes wrote more than the server keeps/);
});

test("R2: --json gives the whole answer as one document", async () => {
  const { exitCode, stdout, stderr } = await exec(
    ["exec", "--json", SANDBOX_ID, "a"],
    execWire({ stdout: "ü", exit_code: 3 }),
  );
  assert.equal(exitCode, 3);
  assert.equal(stderr, "");
  assert.deepEqual(JSON.parse(stdout.toString()), { ...execWire({ stdout: "ü", exit_code: 3 }), cmd: "a" });

  const binary = execWire({ stdout: "/w==", stderr: btoa("text"), encoding: "base64" });
  const { stdout: raw } = await exec(["--json", "exec", SANDBOX_ID, "--", "true"], binary);
  assert.deepEqual(JSON.parse(raw.toString()), binary);
});

test("R2: -i passes standard input on, text or not; without it, it is left alone", async () => {
  const withText = await exec(["exec", "-i", SANDBOX_ID, "cat"], execWire(), { input: "grüße\n" });
  assert.deepEqual(withText.asked, { cmd: "cat", args: [], stdin: "grüße\n" });
  const without = await exec(["exec", SANDBOX_ID, "cat"], execWire(), { input: "grüße\n" });
  assert.deepEqual(without.asked, { cmd: "cat", args: [] });
  const tooMuch = await exec(["exec", "-i", SANDBOX_ID, "cat"], execWire(), { input: Buffer.alloc(600_000) });
  assert.equal(tooMuch.exitCode, 125);
  assert.match(tooMuch.stderr, /more than 512 KB/);
  assert.equal(tooMuch.asked, undefined);
});

test("Roost's own failures are 125, so that no script takes them for the command's", async () => {
  await using place = await temporaryPlace();
  await using server = await ScriptedServer.start(({ path }) => {
    const answered = { headers: { "x-request-id": "req-7" } };
    if (path.endsWith("/exec")) {
      return {
        ...answered,
        status: 409,
        json: { error: { code: "not_running", message: "It is paused: resume it." } },
      };
    }
    return { json: sandboxWire() };
  });
  const env = { ...place.env, ROOST_URL: server.url, ROOST_API_KEY: "rst_key" };
  const refused = await spawnRoost(["exec", SANDBOX_ID, "true"], { env });
  assert.deepEqual(
    [refused.exitCode, refused.stderr],
    [125, "roost: It is paused: resume it. (not_running, request req-7)\n"],
  );
  for (const args of [
    ["exec"],
    ["exec", SANDBOX_ID],
    ["exec", "--nonsense", SANDBOX_ID, "true"],
    ["exec", "A B", "true"],
  ]) {
    const { exitCode, stderr } = await spawnRoost(args, { env });
    assert.equal(exitCode, 125, stderr);
  }
});

test("a command under way can be interrupted", async () => {
  await using place = await temporaryPlace();
  let interrupt = (): void => undefined;
  await using server = await ScriptedServer.startRaw((request, response) => {
    if (request.method === "GET") response.end(JSON.stringify(sandboxWire()));
    else interrupt();
  });
  const { exitCode, stderr } = await spawnRoost(["exec", SANDBOX_ID, "sleep", "9"], {
    env: { ...place.env, ROOST_URL: server.url, ROOST_API_KEY: "rst_key" },
    started: (child) => {
      interrupt = () => void child.kill("SIGINT");
    },
  });
  assert.deepEqual([exitCode, stderr], [130, "roost: interrupted\n"]);
});
