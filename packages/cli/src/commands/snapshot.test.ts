import assert from "node:assert/strict";
import { test } from "node:test";
import { errorAnswer, SANDBOX_ID, ScriptedServer, sandboxWire, templateWire } from "@roost/sdk/testing";
import { runHere } from "../testing/run-here.ts";

const NOW = new Date("2025-01-02T03:07:06Z");
const envFor = (url: string): Record<string, string> => ({ ROOST_URL: url, ROOST_API_KEY: "rst_key" });

test("U3: snapshot create prints the name, which the server makes up if there is none", async () => {
  await using server = await ScriptedServer.start(({ method, body }) => {
    if (method === "GET") return { json: sandboxWire() };
    const { name = "snap-mfzwizln" } = JSON.parse(Buffer.from(body).toString());
    return { status: 201, json: templateWire({ name }) };
  });
  const env = envFor(server.url);
  const create = async (...args: string[]) => await runHere(["snapshot", "create", SANDBOX_ID, ...args], { env });
  assert.equal((await create()).stdout, "snap-mfzwizln\n");
  const { exitCode, stdout, stderr } = await create("tools", "--overwrite", "--leave", "running");
  assert.deepEqual([exitCode, stdout, stderr], [0, "tools\n", ""]);
  const asked = server.requests.at(-1);
  assert.equal(asked?.query.get("overwrite"), "true");
  assert.deepEqual(JSON.parse(Buffer.from(asked?.body ?? []).toString()), {
    sandbox_id: SANDBOX_ID,
    name: "tools",
    leave: "running",
  });
  assert.deepEqual(JSON.parse((await create("tools", "--json")).stdout), templateWire());
  assert.equal((await create("tools", "--leave", "stopped")).exitCode, 2);
});

test("U3: snapshot ls shows base images and snapshots alike; --quiet gives names, --json a list", async () => {
  const templates = [
    templateWire(),
    templateWire({ name: "minimal", type: "base", team_id: null, vcpus: null, memory_mb: null, size_bytes: null }),
  ];
  await using server = await ScriptedServer.start(() => ({ json: templates }));
  const env = envFor(server.url);
  assert.equal(
    (await runHere(["snapshot", "ls"], { env, now: NOW })).stdout,
    [
      "NAME      TYPE       VCPUS   MEMORY      SIZE   CREATED\n",
      "tools     snapshot       2     1 GB   70.0 MB   3 minutes ago\n",
      "minimal   base         any      any         -   3 minutes ago\n",
    ].join(""),
  );
  assert.equal((await runHere(["snapshot", "ls", "--quiet"], { env })).stdout, "tools\nminimal\n");
  assert.deepEqual(JSON.parse((await runHere(["snapshot", "ls", "--json"], { env })).stdout), templates);
  await runHere(["snapshot", "ls", "--type", "base"], { env });
  assert.equal(server.requests.at(-1)?.query.get("type"), "base");
});

test("U3: snapshot rm deletes by name, and stops at what it may not delete", async () => {
  await using server = await ScriptedServer.start(({ path }) =>
    path.endsWith("minimal") ? errorAnswer(403, "forbidden", "“minimal” is a base image.") : { status: 204 },
  );
  const env = envFor(server.url);
  assert.equal((await runHere(["snapshot", "rm", "one", "two"], { env })).stdout, "one\ntwo\n");
  assert.deepEqual(JSON.parse((await runHere(["snapshot", "rm", "one", "--json"], { env })).stdout), {
    deleted: ["one"],
  });
  const refused = await runHere(["snapshot", "rm", "one", "minimal", "two"], { env });
  assert.deepEqual([refused.exitCode, refused.stdout], [1, "one\n"]);
  assert.match(refused.stderr, /^roost: “minimal” is a base image\. \(forbidden\)/);
});
