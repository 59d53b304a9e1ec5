import assert from "node:assert/strict";
import { test } from "node:test";
import { errorAnswer, SANDBOX_ID, ScriptedServer, type SeenRequest, sandboxWire } from "@roost/sdk/testing";
import { runHere } from "../testing/run-here.ts";

const IDS = ["sb-aaaaaaaaaaaaaaaaaaaa", "sb-bbbbbbbbbbbbbbbbbbbb"];
const envFor = (url: string): Record<string, string> => ({ ROOST_URL: url, ROOST_API_KEY: "rst_key" });

/** Sandboxes that pause, resume and answer to pings; one whose id ends in b refuses. */
function sleepers({ method, path }: SeenRequest): object {
  const [, , , id = "", route] = path.split("/");
  if (method === "GET") return { json: sandboxWire({ id }) };
  if (id.endsWith("b")) return errorAnswer(409, "conflict", "The sandbox is pausing already.");
  if (route === "ping") return { status: 204 };
  return { json: sandboxWire({ id, status: route === "pause" ? "paused" : "running" }) };
}

test("U3: pause, resume and ping print the ids with which they were done", async () => {
  await using server = await ScriptedServer.start(sleepers);
  const env = envFor(server.url);
  for (const command of ["pause", "resume", "ping"]) {
    const { exitCode, stdout, stderr } = await runHere([command, SANDBOX_ID], { env });
    assert.deepEqual([exitCode, stdout, stderr], [0, `${SANDBOX_ID}\n`, ""], command);
    assert.equal(server.requests.at(-1)?.path, `/v1/sandboxes/${SANDBOX_ID}/${command}`);
  }
  await runHere(["resume", SANDBOX_ID, "--mode", "disk"], { env });
  assert.equal(Buffer.from(server.requests.at(-1)?.body ?? []).toString(), '{"mode":"disk"}');
});

test("U3: of several, one that refuses does not keep the others, and is told", async () => {
  await using server = await ScriptedServer.start(sleepers);
  const { exitCode, stdout, stderr } = await runHere(["pause", ...IDS], { env: envFor(server.url) });
  assert.equal(exitCode, 1);
  assert.equal(stdout, `${IDS[0]}\n`);
  assert.equal(stderr, `roost: ${IDS[1]}: The sandbox is pausing already. (conflict)\n`);
});

test("U3: --json gives the sandboxes as they are afterwards", async () => {
  await using server = await ScriptedServer.start(sleepers);
  const env = envFor(server.url);
  const json = async (...args: string[]) => JSON.parse((await runHere([...args, "--json"], { env })).stdout);
  assert.deepEqual(await json("pause", SANDBOX_ID), { paused: [sandboxWire({ status: "paused" })] });
  assert.deepEqual(await json("resume", SANDBOX_ID), { resumed: [sandboxWire()] });
  assert.deepEqual(await json("ping", SANDBOX_ID), { pinged: [SANDBOX_ID] });
});

test("U3: what makes no sense is refused before anything is asked", async () => {
  await using server = await ScriptedServer.start(sleepers);
  for (const args of [["pause"], ["resume"], ["ping"], ["resume", SANDBOX_ID, "--mode", "swap"]]) {
    assert.equal((await runHere(args, { env: envFor(server.url) })).exitCode, 2, args.join(" "));
  }
  assert.equal(server.requests.length, 0);
});

test("U3: ls shows what is paused", async () => {
  await using server = await ScriptedServer.start(() => ({
    json: [sandboxWire({ status: "paused", guest_ip: null })],
  }));
  const { stdout } = await runHere(["ls"], { env: envFor(server.url), now: new Date("2025-01-02T03:07:06Z") });
  assert.match(stdout, /^sb-mfzwizlnmvzwk3tfoi2a {3}paused {3}minimal/m);
});
