import assert from "node:assert/strict";
import { test } from "node:test";
import { Roost } from "./roost.ts";
import { errorAnswer, execWire, instantTiming, SANDBOX_ID, ScriptedServer, sandboxWire } from "./testing/testing.ts";

const bodyOf = (request: { readonly body: Uint8Array } | undefined): unknown =>
  JSON.parse(Buffer.from(request?.body ?? []).toString());

test("R1: create asks for what was wanted, in the contract's names, and gives the sandbox in ours", async () => {
  await using server = await ScriptedServer.start(() => ({ status: 201, json: sandboxWire({ metadata: { a: "b" } }) }));
  const sandbox = await new Roost({ url: server.url }).sandboxes.create({
    template: "minimal",
    vcpus: 2,
    memoryMb: 1024,
    timeoutSec: 60,
    env: { snake_Case: "1" },
    metadata: { camelCase: "2" },
    internet: false,
  });
  assert.deepEqual(bodyOf(server.requests[0]), {
    template: "minimal",
    vcpus: 2,
    memory_mb: 1024,
    timeout_sec: 60,
    env: { snake_Case: "1" },
    metadata: { camelCase: "2" },
    internet: false,
  });
  assert.equal(sandbox.memoryMb, 512);
  assert.deepEqual(sandbox.createdAt, new Date("2025-01-02T03:04:05Z"));
  assert.equal(sandbox.error, null);
  assert.deepEqual(JSON.parse(JSON.stringify(sandbox)), sandboxWire({ metadata: { a: "b" } }));
});

test("what was not asked for is left to the server", async () => {
  await using server = await ScriptedServer.start(() => ({ status: 201, json: sandboxWire() }));
  await new Roost({ url: server.url }).sandboxes.create();
  assert.deepEqual(bodyOf(server.requests[0]), {});
});

test("R1: a create whose answer was lost makes one sandbox, not two", async () => {
  const answers = [
    { json: sandboxWire(), cutAfter: 0 },
    errorAnswer(409, "conflict", "The first request with this key is still at work."),
    { status: 201, json: sandboxWire() },
    { status: 201, json: sandboxWire() },
  ];
  await using server = await ScriptedServer.start(() => answers.shift() ?? {});
  const roost = new Roost({ url: server.url, timing: instantTiming() });
  assert.equal((await roost.sandboxes.create()).id, SANDBOX_ID);
  await roost.sandboxes.create();
  const keys = server.requests.map(({ headers }) => headers.get("idempotency-key"));
  assert.match(keys[0] ?? "", /^[0-9a-f]{32}$/);
  assert.deepEqual([keys[1], keys[2]], [keys[0], keys[0]]);
  assert.notEqual(keys[3], keys[0]);
});

test("R1: a key of the caller's own is used as it is", async () => {
  await using server = await ScriptedServer.start(() => ({ status: 201, json: sandboxWire() }));
  await new Roost({ url: server.url }).sandboxes.create({}, { idempotencyKey: "order-17" });
  assert.equal(server.requests[0]?.headers.get("idempotency-key"), "order-17");
});

test("R1: a list can be narrowed by status and metadata", async () => {
  await using server = await ScriptedServer.start(() => ({ json: [] }));
  const filter = { status: ["stopped", "error"], metadata: { "a b": "c&d" } } as const;
  await Array.fromAsync(new Roost({ url: server.url }).sandboxes.list(filter));
  assert.deepEqual(
    [...(server.requests[0]?.query ?? [])],
    [
      ["status", "stopped"],
      ["status", "error"],
      ["metadata.a b", "c&d"],
    ],
  );
});

test("R2: exec says what to run, and gives text, bytes and exit code", async () => {
  await using server = await ScriptedServer.start(({ method }) =>
    method === "GET"
      ? { json: sandboxWire() }
      : { json: execWire({ stdout: "\ufeffgrüße\n", stderr: "", exit_code: 3 }) },
  );
  const sandbox = await new Roost({ url: server.url }).sandboxes.get(SANDBOX_ID);
  const result = await sandbox.exec("sh", ["-c", "exit 3"], {
    env: { A: "b" },
    cwd: "/tmp",
    user: "root",
    stdin: "in",
    timeoutSec: 5,
  });
  assert.equal(server.requests[1]?.path, `/v1/sandboxes/${SANDBOX_ID}/exec`);
  assert.deepEqual(bodyOf(server.requests[1]), {
    cmd: "sh",
    args: ["-c", "exit 3"],
    env: { A: "b" },
    cwd: "/tmp",
    user: "root",
    stdin: "in",
    timeout_sec: 5,
  });
  assert.equal(result.stdout, "\ufeffgrüße\n");
  assert.deepEqual(Buffer.from(result.stdoutBytes), Buffer.from("\ufeffgrüße\n"));
  assert.equal(result.exitCode, 3);
  assert.equal(result.timedOut, false);
});

test("R2: bytes for a command's input that are text are sent as the text they are", async () => {
  await using server = await ScriptedServer.start(({ method }) => ({
    json: method === "GET" ? sandboxWire() : execWire(),
  }));
  const sandbox = await new Roost({ url: server.url }).sandboxes.get(SANDBOX_ID);
  await sandbox.exec("cat", [], { stdin: Buffer.from("\ufeffgrüße\0") });
  assert.deepEqual(bodyOf(server.requests[1]), { cmd: "cat", args: [], stdin: "\ufeffgrüße\0" });
  assert.equal(server.requests.length, 2);
});

test("R2: output that is no text arrives byte for byte", async () => {
  const bytes = Buffer.from([0, 255, 254, 0x41, 0xc3]);
  await using server = await ScriptedServer.start(({ method }) =>
    method === "GET"
      ? { json: sandboxWire() }
      : {
          json: execWire({ stdout: bytes.toString("base64"), stderr: btoa("ok"), encoding: "base64", truncated: true }),
        },
  );
  const result = await (await new Roost({ url: server.url }).sandboxes.get(SANDBOX_ID)).exec("cat");
  assert.deepEqual(Buffer.from(result.stdoutBytes), bytes);
  assert.equal(result.stdout, "\0\ufffd\ufffdA\ufffd");
  assert.equal(result.stderr, "ok");
  assert.equal(result.truncated, true);
});

test("R2: a command that ran out of time has no exit code", async () => {
  await using server = await ScriptedServer.start(({ method }) =>
    method === "GET"
      ? { json: sandboxWire() }
      : { json: execWire({ stdout: "so far", exit_code: null, timed_out: true }) },
  );
  const result = await (await new Roost({ url: server.url }).sandboxes.get(SANDBOX_ID)).exec("sleep", ["99"]);
  assert.deepEqual([result.exitCode, result.timedOut, result.stdout], [null, true, "so far"]);
});

test("the end of the block destroys the sandbox, also after a failure", async () => {
  await using server = await ScriptedServer.start(({ method }) =>
    method === "DELETE" ? { status: 204 } : { status: 201, json: sandboxWire() },
  );
  const using = async (): Promise<void> => {
    await using _sandbox = await new Roost({ url: server.url }).sandboxes.create();
    throw new Error("in the middle");
  };
  await assert.rejects(using, /in the middle/);
  assert.deepEqual(
    server.requests.map(({ method, path }) => `${method} ${path}`),
    ["POST /v1/sandboxes", `DELETE /v1/sandboxes/${SANDBOX_ID}`],
  );
});

test("destroying is repeated when its answer was lost", async () => {
  const answers = [{ json: sandboxWire() }, { cutAfter: 0 }, { status: 204 }];
  await using server = await ScriptedServer.start(() => answers.shift() ?? {});
  await (await new Roost({ url: server.url, timing: instantTiming() }).sandboxes.get(SANDBOX_ID)).destroy();
  assert.equal(server.requests.length, 3);
});

test("refresh gives the facts of now, and logs what was printed", async () => {
  const answers = [
    { json: sandboxWire({ status: "starting" }) },
    { json: sandboxWire({ status: "error", error: "its machine ended" }) },
    { json: { console: "login:", vmm: "" } },
  ];
  await using server = await ScriptedServer.start(() => answers.shift() ?? {});
  const sandbox = await new Roost({ url: server.url }).sandboxes.get(SANDBOX_ID);
  const now = await sandbox.refresh();
  assert.deepEqual([sandbox.status, now.status, now.error], ["starting", "error", "its machine ended"]);
  assert.deepEqual(await now.logs({ limitBytes: 100 }), { console: "login:", vmm: "" });
  assert.equal(server.requests[2]?.query.get("limit_bytes"), "100");
});

test("S1 S2: pause and resume give the sandbox as it is after them, and are sent once", async () => {
  await using server = await ScriptedServer.start(({ path }) => {
    if (path.endsWith("/ping")) return { status: 204 };
    return { json: sandboxWire({ status: path.endsWith("/pause") ? "paused" : "running" }) };
  });
  const sandbox = await new Roost({ url: server.url }).sandboxes.get(SANDBOX_ID);
  assert.equal((await sandbox.pause()).status, "paused");
  assert.equal(sandbox.status, "running", "the facts of before");
  assert.equal((await sandbox.resume()).status, "running");
  await sandbox.resume({ mode: "disk" });
  await sandbox.ping();
  assert.deepEqual(
    server.requests.slice(1).map(({ method, path, body }) => [method, path, Buffer.from(body).toString()]),
    [
      ["POST", `/v1/sandboxes/${SANDBOX_ID}/pause`, ""],
      ["POST", `/v1/sandboxes/${SANDBOX_ID}/resume`, "{}"],
      ["POST", `/v1/sandboxes/${SANDBOX_ID}/resume`, '{"mode":"disk"}'],
      ["POST", `/v1/sandboxes/${SANDBOX_ID}/ping`, ""],
    ],
  );
});

test("S1: a pause whose answer was lost is not sent again, and a refused one says why", async () => {
  const answers = [
    { json: sandboxWire() },
    { json: sandboxWire(), cutAfter: 0 },
    errorAnswer(409, "not_running", "The sandbox is paused; this needs it running."),
  ];
  await using server = await ScriptedServer.start(() => answers.shift() ?? {});
  const sandbox = await new Roost({ url: server.url, timing: instantTiming() }).sandboxes.get(SANDBOX_ID);
  await assert.rejects(sandbox.pause(), { name: "RoostConnectionError" });
  assert.equal(server.requests.length, 2);
  await assert.rejects(sandbox.pause(), { code: "not_running" });
});
