import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { test } from "node:test";
import { apiKeyWire, errorAnswer, hostWire, ScriptedServer } from "@roost/sdk/testing";
import { runHere } from "../testing/run-here.ts";
import { MAIN, spawnProgram, spawnRoost } from "../testing/spawn-roost.ts";
import { temporaryPlace } from "../testing/temporary-place.ts";

const NOW = new Date("2025-01-02T03:07:06Z");
const SESSION = { token: "new.token", user_id: "usr-a", team_id: "team-a", email: "me@example.org" };

test("A1: login keeps the session where only the user may read it", async () => {
  await using place = await temporaryPlace();
  await using server = await ScriptedServer.start(() => ({ json: SESSION }));
  await place.writeUserConfig({ url: "http://other", token: "old", api_key: "rst_other" });
  const args = ["login", "--url", server.url, "--email", "me@example.org", "--password-stdin"];
  const { exitCode, stdout, stderr } = await spawnRoost(args, { env: place.env, input: "correct horse \nrest" });
  assert.deepEqual([exitCode, stdout.toString()], [0, ""]);
  assert.match(stderr, /^Logged in to http:\/\/127\.0\.0\.1:\d+ as me@example\.org, for 6 hours/);
  assert.deepEqual(JSON.parse(Buffer.from(server.requests[0]?.body ?? []).toString()), {
    email: "me@example.org",
    password: "correct horse ",
  });
  const stored = JSON.parse(await readFile(place.userConfigPath, "utf8"));
  assert.deepEqual(stored, { url: server.url, email: "me@example.org", token: "new.token" });
  assert.equal((await stat(place.userConfigPath)).mode & 0o777, 0o600);
});

test("A1: a login that is refused changes nothing", async () => {
  await using place = await temporaryPlace();
  await using server = await ScriptedServer.start(() =>
    errorAnswer(401, "unauthorized", "Email or password is wrong."),
  );
  await place.writeUserConfig({ url: server.url, token: "old" });
  const args = ["login", "--email", "me@example.org", "--password-stdin"];
  const { exitCode, stderr } = await spawnRoost(args, { env: place.env, input: "wrong password" });
  assert.equal(exitCode, 1);
  assert.equal(stderr, "roost: Email or password is wrong.\n");
  assert.deepEqual(JSON.parse(await readFile(place.userConfigPath, "utf8")), { url: server.url, token: "old" });
});

test("A1: on a terminal the password is asked for and not shown", async () => {
  await using place = await temporaryPlace();
  await using server = await ScriptedServer.start(() => ({ json: SESSION }));
  const env = { ...place.env, ROOST_URL: server.url, TERM: "xterm" };
  const line = `'${process.execPath}' '${MAIN}' login`;
  // `script` gives it a terminal of its own, whose screen is script's stdout. Each answer is typed when it is asked for.
  const { exitCode, stdout } = await spawnProgram(["script", "-qec", line, "/dev/null"], {
    env,
    typed: [
      ["Email: ", "me@example.org\r"],
      ["Password: ", "correct horsf\x7fe\r"],
    ],
  });
  assert.equal(exitCode, 0, stdout.toString());
  assert.deepEqual(JSON.parse(Buffer.from(server.requests[0]?.body ?? []).toString()), {
    email: "me@example.org",
    password: "correct horse",
  });
  assert.ok(stdout.includes("me@example.org"));
  assert.ok(!stdout.includes("hors"), stdout.toString());
});

test("A1: Ctrl-C while the password is asked for gives up", async () => {
  await using place = await temporaryPlace();
  const line = `'${process.execPath}' '${MAIN}' login --email me@example.org`;
  const { exitCode, stdout } = await spawnProgram(["script", "-qec", line, "/dev/null"], {
    env: { ...place.env, TERM: "xterm" },
    typed: [["Password: ", "half\x03"]],
  });
  assert.equal(exitCode, 130, stdout.toString());
  assert.match(stdout.toString(), /roost: interrupted/);
});

test("A1: without a terminal, login does not wait for an answer that nobody types", async () => {
  await using place = await temporaryPlace();
  for (const args of [["login"], ["login", "--password-stdin"], ["login", "--email", "a@b", "--password-stdin"]]) {
    const { exitCode, stderr } = await spawnRoost(args, { env: place.env });
    assert.equal(exitCode, 2, stderr);
  }
});

test("A3: keys are made, shown once, listed by their beginning, deleted", async () => {
  await using place = await temporaryPlace();
  await using server = await ScriptedServer.start(({ method }) => {
    if (method === "POST") return { status: 201, json: { ...apiKeyWire(), key: "rst_0123456789" } };
    return method === "GET" ? { json: [apiKeyWire()] } : { status: 204 };
  });
  await place.writeUserConfig({ url: server.url, token: "my.token" });
  const run = async (...args: string[]) => await runHere(["key", ...args], { env: place.env, now: NOW });

  const made = await run("create", "ci");
  assert.deepEqual([made.stdout, made.stderr], ["rst_0123456789\n", "Keep it: it is not shown again.\n"]);
  assert.deepEqual(JSON.parse((await run("create", "ci", "--json")).stdout), {
    ...apiKeyWire(),
    key: "rst_0123456789",
  });
  assert.equal(
    (await run("ls")).stdout,
    [
      "ID                         NAME   KEY             CREATED         ENDS    LAST USED\n",
      "key-mfzwizlnmvzwk3tfoi2a   ci     rst_01234567…   3 minutes ago   never   never\n",
    ].join(""),
  );
  assert.equal((await run("rm", "key-a", "key-b")).stdout, "key-a\nkey-b\n");
  assert.ok(server.requests.every(({ headers }) => headers.get("authorization") === "Bearer my.token"));
});

test("U2: after ./roost up, its administrator's session is opened when one is needed", async () => {
  await using place = await temporaryPlace();
  await using server = await ScriptedServer.start(({ path }) =>
    path === "/v1/auth/login" ? { json: SESSION } : { json: [hostWire({ tags: ["gpu", "\x07"] })] },
  );
  await place.writeCredentials({
    url: server.url,
    api_key: "rst_k",
    admin_email: "admin@roost",
    admin_password: "pass",
  });
  const { stdout } = await runHere(["host", "ls"], { env: place.env, now: NOW });
  assert.equal(
    stdout,
    [
      "ID                          TYPE      STATUS   ADDRESS          CPUS   MEMORY   HEARTBEAT       TAGS\n",
      "host-mfzwizlnmvzwk3tfoi2a   regular   online   127.0.0.1:4701      4    16 GB   3 minutes ago   gpu \\x07\n",
    ].join(""),
  );
  assert.equal(server.requests[1]?.headers.get("authorization"), "Bearer new.token");
});

test("A3: a session that has ended says how to open another", async () => {
  await using place = await temporaryPlace();
  await using server = await ScriptedServer.start(() => errorAnswer(401, "unauthorized", "The session has ended."));
  await place.writeUserConfig({ url: server.url, token: "old.token" });
  const { exitCode, stderr } = await runHere(["key", "ls"], { env: place.env });
  assert.equal(exitCode, 1);
  assert.match(stderr, /^roost: The session has ended\. Run roost login/);
});
