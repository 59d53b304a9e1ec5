import assert from "node:assert/strict";
import { test } from "node:test";
import { errorAnswer, SANDBOX_ID, ScriptedServer, type SeenRequest, sandboxWire } from "@roost/sdk/testing";
import { runHere } from "../testing/run-here.ts";
import { spawnRoost } from "../testing/spawn-roost.ts";
import { temporaryPlace } from "../testing/temporary-place.ts";

const NOW = new Date("2025-01-02T03:07:06Z");
const OTHER_ID = "sb-mfzw22222222222222";

const envFor = (url: string): Record<string, string> => ({ ROOST_URL: url, ROOST_API_KEY: "rst_key" });
const asked = (server: ScriptedServer): string[] => server.requests.map(({ method, path }) => `${method} ${path}`);

test("U3: create prints the id and nothing else", async () => {
  await using place = await temporaryPlace();
  await using server = await ScriptedServer.start(() => ({ status: 201, json: sandboxWire() }));
  const args = [
    "create",
    "--vcpus",
    "2",
    "--memory",
    "1G",
    "--timeout",
    "5m",
    "-e",
    "A=1",
    "--env",
    "B=2",
    "--metadata",
    "x=y",
  ];
  const env = { ...place.env, ...envFor(server.url) };
  const { exitCode, stdout, stderr } = await spawnRoost([...args, "--no-internet", "--template", "minimal"], { env });
  assert.deepEqual([exitCode, stdout.toString(), stderr], [0, `${SANDBOX_ID}\n`, ""]);
  assert.deepEqual(JSON.parse(Buffer.from(server.requests[0]?.body ?? []).toString()), {
    template: "minimal",
    vcpus: 2,
    memory_mb: 1024,
    timeout_sec: 300,
    env: { A: "1", B: "2" },
    metadata: { x: "y" },
    internet: false,
  });
});

test("U3: create --json gives the sandbox as the API writes it; the rest is the server's choice", async () => {
  await using server = await ScriptedServer.start(() => ({ status: 201, json: sandboxWire() }));
  const { stdout } = await runHere(["create", "--json"], { env: envFor(server.url) });
  assert.deepEqual(JSON.parse(stdout), sandboxWire());
  assert.equal(Buffer.from(server.requests[0]?.body ?? []).toString(), "{}");
});

test("U3: on a terminal something moves while a sandbox is made, and is gone afterwards", async () => {
  await using server = await ScriptedServer.start(() => ({ status: 201, json: sandboxWire() }));
  const options = { env: envFor(server.url), terminal: true, now: NOW };
  const { stdout, stderr } = await runHere(["create"], options);
  assert.equal(stdout, `${SANDBOX_ID}\n`);
  assert.ok(stderr.startsWith("\r\x1b[K| Creating a sandbox … 0.0 s"), JSON.stringify(stderr));
  assert.ok(stderr.endsWith("\r\x1b[K"), JSON.stringify(stderr));
  for (const flag of ["--quiet", "--json"]) assert.equal((await runHere(["create", flag], options)).stderr, "");
});

test("U3: a create that is interrupted leaves no sandbox behind", async () => {
  await using place = await temporaryPlace();
  const begun = Promise.withResolvers<void>();
  const interrupted = Promise.withResolvers<void>();
  const seen: string[] = [];
  await using server = await ScriptedServer.startRaw(async ({ method, url }, response) => {
    seen.push(`${method} ${url}`);
    if (method === "DELETE") return void response.writeHead(204).end();
    begun.resolve();
    await interrupted.promise;
    response.end(JSON.stringify(sandboxWire()));
  });
  const { exitCode, stdout, stderr } = await spawnRoost(["create"], {
    env: { ...place.env, ...envFor(server.url) },
    started: (child) => {
      void begun.promise.then(() => child.kill("SIGINT"));
      child.stderr.once("data", interrupted.resolve);
    },
  });
  const said = "Interrupted: the sandbox is removed as soon as it is there.\nroost: interrupted\n";
  assert.deepEqual([exitCode, stdout.toString(), stderr], [130, "", said]);
  assert.deepEqual(seen, ["POST /v1/sandboxes", `DELETE /v1/sandboxes/${SANDBOX_ID}`]);
});

test("U3: ls is a table that fits its words, whatever they hold", async () => {
  const sandboxes = [
    sandboxWire({ metadata: { owner: "ci", note: "\x1b[2J" } }),
    sandboxWire({ id: OTHER_ID, status: "error", memory_mb: 2048, vcpus: 12, created_at: "2025-01-01T03:07:06Z" }),
  ];
  await using server = await ScriptedServer.start(() => ({ json: sandboxes }));
  const { exitCode, stdout } = await runHere(["ls"], { env: envFor(server.url), now: NOW });
  assert.equal(exitCode, 0);
  assert.equal(
    stdout,
    [
      "ID                        STATUS    TEMPLATE   VCPUS   MEMORY   CREATED         METADATA\n",
      "sb-mfzwizlnmvzwk3tfoi2a   running   minimal        1   512 MB   3 minutes ago   owner=ci note=\\x1b[2J\n",
      "sb-mfzw22222222222222     error     minimal       12     2 GB   1 day ago\n",
    ].join(""),
  );
  const coloured = await runHere(["ls"], { env: { ...envFor(server.url), TERM: "xterm" }, now: NOW, terminal: true });
  assert.match(coloured.stdout, /\x1b\[32mrunning\x1b\[39m {3}minimal/);
});

test("U3: ls --all adds the stopped, --quiet gives ids, --json a list", async () => {
  await using server = await ScriptedServer.start(({ query }) => ({
    json: query.getAll("status").includes("stopped") ? [sandboxWire(), sandboxWire({ id: OTHER_ID })] : [sandboxWire()],
  }));
  const env = envFor(server.url);
  assert.equal((await runHere(["ls", "-q"], { env })).stdout, `${SANDBOX_ID}\n`);
  assert.equal((await runHere(["ls", "-aq"], { env })).stdout, `${SANDBOX_ID}\n${OTHER_ID}\n`);
  assert.deepEqual(JSON.parse((await runHere(["ls", "--json"], { env })).stdout), [sandboxWire()]);
  await runHere(["ls", "--metadata", "owner=ci"], { env });
  assert.equal(server.requests.at(-1)?.query.get("metadata.owner"), "ci");
});

test("U3: inspect shows all of one", async () => {
  await using server = await ScriptedServer.start(() => ({
    json: sandboxWire({ status: "error", error: "its machine ended\n", started_at: null, timeout_sec: 90 }),
  }));
  const { stdout } = await runHere(["inspect", SANDBOX_ID], { env: envFor(server.url), now: NOW });
  assert.equal(
    stdout,
    [
      "id            sb-mfzwizlnmvzwk3tfoi2a",
      "status        error",
      "error         its machine ended\\x0a",
      "template      minimal",
      "vcpus         1",
      "memory        512 MB",
      "pauses        when idle for 1 min 30 s",
      "internet      yes",
      "host          host-mfzwizlnmvzwk3tfoi2a",
      "address       10.213.0.5",
      "created       2025-01-02T03:04:05.000Z (3 minutes ago)",
      "started       -",
      "last active   2025-01-02T03:04:09.000Z (2 minutes ago)",
      "last change   2025-01-02T03:04:08.000Z (2 minutes ago)",
      "",
    ].join("\n"),
  );
});

test("U3: an id may be shortened while no other begins the same", async () => {
  const listing = ({ path, query }: SeenRequest): object => {
    if (path !== "/v1/sandboxes") return { json: sandboxWire() };
    const stopped = [sandboxWire({ id: "sb-zzzz2222222222222222", status: "stopped" })];
    return { json: query.get("status") === "stopped" ? stopped : [sandboxWire(), sandboxWire({ id: OTHER_ID })] };
  };
  await using server = await ScriptedServer.start(listing);
  const env = envFor(server.url);
  const inspect = async (id: string): Promise<string> => {
    const { stdout, stderr } = await runHere(["inspect", id, "--json"], { env });
    return stdout === "" ? stderr : (JSON.parse(stdout) as { id: string }).id;
  };
  assert.equal(await inspect("sb-mfzwi"), SANDBOX_ID);
  assert.equal(await inspect("mfzw2"), OTHER_ID);
  assert.equal(await inspect("zz"), "sb-zzzz2222222222222222");
  assert.match(await inspect("mfzw"), /^roost: 2 sandboxes begin with mfzw: sb-mfzwi.*Write more of the id\.\n$/);
  assert.match(await inspect("aaaa"), /^roost: No sandbox begins with aaaa/);
  assert.match(await inspect("../x"), /is no sandbox id/);
});

test("U3: rm destroys what it is told to, and one failure does not keep the others", async () => {
  await using server = await ScriptedServer.start(({ method, path }) => {
    if (method === "GET") return { json: sandboxWire({ id: path.slice("/v1/sandboxes/".length) }) };
    return path.endsWith("a") ? errorAnswer(503, "host_unavailable", "Its host is silent.") : { status: 204 };
  });
  const ids = ["sb-aaaaaaaaaaaaaaaaaaaa", "sb-bbbbbbbbbbbbbbbbbbbb", "sb-cccccccccccccccccccc"];
  const { exitCode, stdout, stderr } = await runHere(["rm", ...ids], { env: envFor(server.url) });
  assert.equal(exitCode, 1);
  assert.deepEqual(stdout.trim().split("\n").sort(), ids.slice(1));
  assert.equal(stderr, "roost: sb-aaaaaaaaaaaaaaaaaaaa: Its host is silent. (host_unavailable)\n");
});

test("U3: rm --all destroys every sandbox of every page", async () => {
  const ids = Array.from({ length: 7 }, (_, index) => `sb-aaaaaaaaaaaaaaaaaaa${"bcdefgh"[index]}`);
  await using server = await ScriptedServer.start(({ method, query }) => {
    if (method === "DELETE") return { status: 204 };
    const [from, to] = query.has("cursor") ? [5, 7] : [0, 5];
    const headers = query.has("cursor") ? {} : { link: '</v1/sandboxes?cursor=5>; rel="next"' };
    return { json: ids.slice(from, to).map((id) => sandboxWire({ id })), headers };
  });
  const { exitCode, stdout } = await runHere(["rm", "--all", "--json"], { env: envFor(server.url) });
  assert.equal(exitCode, 0);
  assert.deepEqual((JSON.parse(stdout) as { destroyed: string[] }).destroyed.sort(), ids);
  assert.equal(asked(server).filter((line) => line.startsWith("DELETE")).length, 7);
});

test("U3: rm without saying what is refused before anything is asked", async () => {
  await using server = await ScriptedServer.start(() => ({ json: [] }));
  for (const args of [["rm"], ["rm", "--all", SANDBOX_ID]]) {
    assert.equal((await runHere(args, { env: envFor(server.url) })).exitCode, 2);
  }
  assert.equal(server.requests.length, 0);
});

test("N4: logs show what the guest printed without obeying it", async () => {
  await using server = await ScriptedServer.start(({ path }) => ({
    json: path.endsWith("/logs") ? { console: "boot\x1b[2J\r\nlogin:", vmm: "qemu\n" } : sandboxWire(),
  }));
  const env = envFor(server.url);
  assert.equal((await runHere(["logs", SANDBOX_ID], { env })).stdout, "boot\\x1b[2J\nlogin:\n");
  assert.equal((await runHere(["logs", SANDBOX_ID, "--vmm"], { env })).stdout, "qemu\n");
  const { stdout } = await runHere(["logs", SANDBOX_ID, "--json"], { env });
  assert.deepEqual(JSON.parse(stdout), { console: "boot\x1b[2J\r\nlogin:", vmm: "qemu\n" });
});
