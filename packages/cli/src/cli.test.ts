import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { SANDBOX_ID, ScriptedServer, sandboxWire } from "@roost/sdk/testing";
import { buildProgram } from "./program.ts";
import { runHere } from "./testing/run-here.ts";
import { MAIN, spawnProgram, spawnRoost } from "./testing/spawn-roost.ts";
import { temporaryPlace } from "./testing/temporary-place.ts";

test("U3: every command has a help with examples", async () => {
  const program = buildProgram(async () => undefined);
  const names = program.commands.flatMap((command) => [
    [command.name()],
    ...command.commands.map((sub) => [command.name(), sub.name()]),
  ]);
  for (const name of names) {
    const { exitCode, stdout } = await runHere([...name, "--help"], { env: {} });
    assert.equal(exitCode, 0);
    assert.match(stdout, new RegExp(`Examples:\n {2}\\$ roost ${name.join(" ")}`), name.join(" "));
  }
  assert.match((await runHere(["--help"], { env: {} })).stdout, /A first minute:/);
});

test("U3: what makes no sense is 2, on stderr, and points to the help", async () => {
  for (const args of [
    ["frobnicate"],
    ["ls", "--frob"],
    ["create", "--memory", "lots"],
    ["inspect"],
    ["ls", "extra"],
    [],
  ]) {
    const { exitCode, stdout, stderr } = await runHere(args, { env: {} });
    assert.deepEqual([exitCode, stdout], [2, ""], args.join(" "));
    assert.match(stderr, /--help|Usage/);
  }
});

test("U3: bash completes commands, options and the ids of sandboxes, and runs nothing that a server says", async () => {
  await using place = await temporaryPlace();
  await using server = await ScriptedServer.start(() => ({
    json: [sandboxWire(), sandboxWire({ id: `sb-$(touch ${place.path}/owned)` })],
  }));
  const { stdout: script } = await spawnRoost(["completion"], { env: place.env });
  const complete = async (...words: string[]): Promise<string[]> => {
    const roost = `roost() { '${process.execPath}' '${MAIN}' "$@"; }`;
    const line = `${script}\n${roost}\nCOMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _roost; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { ...place.env, ROOST_URL: server.url, ROOST_API_KEY: "rst_key" };
    return (await spawnProgram(["bash", "-c", line, "bash", ...words], { env })).stdout
      .toString()
      .split("\n")
      .filter(Boolean);
  };
  assert.deepEqual(await complete("roost", "c"), ["create", "cp", "config", "completion"]);
  assert.deepEqual(await complete("roost", "--json", "create", "--m"), ["--memory", "--metadata"]);
  assert.deepEqual(await complete("roost", "key", "c"), ["create"]);
  assert.deepEqual(await complete("roost", "exec", "sb-"), [SANDBOX_ID]);
  assert.deepEqual(await readdir(place.path), []);
});

test("where nobody answers, it says where, why, and what to do", async () => {
  await using place = await temporaryPlace();
  const env = { ...place.env, ROOST_URL: "http://127.0.0.1:1", ROOST_API_KEY: "rst_key" };
  const { exitCode, stdout, stderr } = await spawnRoost(["ls", "--json"], { env });
  assert.deepEqual([exitCode, stdout.length], [1, 0]);
  assert.match(stderr, /^roost: No answer from http:\/\/127\.0\.0\.1:1 \(.*ECONNREFUSED.*\)\. .* \.\/roost up\.\n$/);
});

test("a url or key that cannot be right is a failure with a sentence, not a stack", async () => {
  for (const env of [{ ROOST_URL: "localhost", ROOST_API_KEY: "rst_key" }, { ROOST_API_KEY: "rst\nkey" }]) {
    const { exitCode, stderr } = await runHere(["ls"], { env });
    assert.equal(exitCode, 1);
    assert.match(stderr, /^roost: [^\n]+\n$/);
  }
});

test("a reader that stops reading ends it without a word", async () => {
  await using place = await temporaryPlace();
  const many = Array.from({ length: 3000 }, () => sandboxWire());
  await using server = await ScriptedServer.start(() => ({ json: many }));
  const pipe = ["bash", "-c", 'set -o pipefail; "$@" | head -n 1', "pipe", process.execPath, MAIN, "ls"];
  const env = { ...place.env, ROOST_URL: server.url, ROOST_API_KEY: "rst_key" };
  const { exitCode, stdout, stderr } = await spawnProgram(pipe, { env });
  assert.match(stdout.toString(), /^ID .*\n$/);
  assert.deepEqual([exitCode, stderr], [141, ""]);
});

test("a proxy in the environment is not asked for what is on this machine", async () => {
  await using place = await temporaryPlace();
  await using proxy = await ScriptedServer.start(() => ({ json: [sandboxWire()] }));
  await using server = await ScriptedServer.start(() => ({ json: [] }));
  const env = {
    ...place.env,
    ROOST_URL: server.url,
    ROOST_API_KEY: "rst_key",
    NODE_USE_ENV_PROXY: "1",
    HTTP_PROXY: proxy.url,
  };
  const { stdout } = await spawnRoost(["ls", "--json"], { env });
  assert.equal(stdout.toString(), "[]\n");
  assert.equal(proxy.requests.length, 0);
});
