import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { RoostApiError, RoostConnectionError } from "./errors.ts";
import { Roost } from "./roost.ts";
import { errorAnswer, instantTiming, SANDBOX_ID, ScriptedServer, sandboxWire } from "./testing/testing.ts";

test("A3: an API key and a token travel in their own headers", async () => {
  await using server = await ScriptedServer.start(() => ({ json: sandboxWire() }));
  await new Roost({ url: server.url, apiKey: "rst_a" }).sandboxes.get(SANDBOX_ID);
  await new Roost({ url: server.url, token: "t.t.t" }).sandboxes.get(SANDBOX_ID);
  const [withKey, withToken] = server.requests;
  assert.equal(withKey?.headers.get("x-api-key"), "rst_a");
  assert.equal(withKey?.headers.get("authorization"), null);
  assert.equal(withToken?.headers.get("x-api-key"), null);
  assert.equal(withToken?.headers.get("authorization"), "Bearer t.t.t");
});

test("a url may have a path of its own, as behind a proxy", async () => {
  await using server = await ScriptedServer.start(() => ({ json: sandboxWire() }));
  for (const url of [`${server.url}/roost`, `${server.url}/roost/`]) await new Roost({ url }).sandboxes.get(SANDBOX_ID);
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    Array(2).fill(`/roost/v1/sandboxes/${SANDBOX_ID}`),
  );
});

test("an address or key that cannot be right is refused at once", () => {
  for (const url of ["", "127.0.0.1:4700", "ftp://host", "http://user:secret@host"]) {
    assert.throws(() => new Roost({ url }), TypeError, url);
  }
  for (const apiKey of ["", "rst_a\n", "rst_ü"]) {
    assert.throws(() => new Roost({ url: "http://host", apiKey }), TypeError, apiKey);
  }
});

test("an error of the contract becomes a RoostApiError with all that it says", async () => {
  await using server = await ScriptedServer.start(() => ({
    status: 409,
    headers: { "x-request-id": "req-1", "retry-after": "3" },
    json: { error: { code: "host_has_sandboxes", message: "Destroy them first.", sandbox_ids: ["sb-a", "sb-b"] } },
  }));
  const error = await new Roost({ url: server.url, token: "t" }).hosts
    .delete("host-a")
    .catch((thrown: unknown) => thrown);
  assert.ok(error instanceof RoostApiError);
  const { code, status, message, requestId, retryAfterSec, sandboxIds } = error;
  assert.deepEqual(
    { code, status, message, requestId, retryAfterSec, sandboxIds },
    {
      code: "host_has_sandboxes",
      status: 409,
      message: "Destroy them first.",
      requestId: "req-1",
      retryAfterSec: 3,
      sandboxIds: ["sb-a", "sb-b"],
    },
  );
});

test("a Retry-After may be a date", async () => {
  const timing = instantTiming();
  const answers = [
    errorAnswer(503, "host_unavailable", "Soon.", { headers: { "retry-after": "Thu, 02 Jan 2025 03:04:15 GMT" } }),
    { json: sandboxWire() },
  ];
  await using server = await ScriptedServer.start(() => answers.shift() ?? {});
  await new Roost({ url: server.url, timing }).sandboxes.get(SANDBOX_ID);
  assert.deepEqual(timing.waits, [10_000]);
});

test("errors that no Roost wrote say so instead of guessing", async () => {
  for (const answer of [
    { status: 502, bytes: Buffer.from("<html>Bad gateway</html>") },
    { status: 404, json: { message: "not here" } },
    { status: 500, json: { error: "oh" } },
    { status: 400, json: null },
  ]) {
    await using server = await ScriptedServer.start(() => answer);
    const reading = new Roost({ url: server.url }).sandboxes.get(SANDBOX_ID);
    await assert.rejects(reading, { name: "RoostApiError", code: "unknown", status: answer.status });
  }
});

test("a good status with words that no Roost says is a RoostProtocolError", async () => {
  for (const text of ["<html>Welcome</html>", "", "42", "null"]) {
    await using server = await ScriptedServer.start(() => ({ bytes: Buffer.from(text) }));
    const reading = new Roost({ url: server.url }).sandboxes.get(SANDBOX_ID);
    await assert.rejects(reading, { name: "RoostProtocolError" }, text);
  }
});

test("where nobody listens, the error names the address and the cause", async () => {
  const unused = createServer().listen(0, "127.0.0.1");
  await once(unused, "listening");
  const address = unused.address();
  assert.ok(typeof address === "object" && address !== null);
  unused.close();
  await once(unused, "close");

  const timing = instantTiming();
  const roost = new Roost({ url: `http://127.0.0.1:${address.port}`, timing });
  const error = await roost.sandboxes.get(SANDBOX_ID).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof RoostConnectionError);
  assert.match(error.message, new RegExp(`^No answer from http://127.0.0.1:${address.port} \\(.*ECONNREFUSED.*\\)`));
  assert.ok(error.cause instanceof Error);
  assert.equal(timing.waits.length, 3);
});

test("a read whose answer breaks off is asked again", async () => {
  for (const cutAfter of [0, 10]) {
    const answers = [{ json: sandboxWire(), cutAfter }, { json: sandboxWire() }];
    await using server = await ScriptedServer.start(() => answers.shift() ?? {});
    const sandbox = await new Roost({ url: server.url, timing: instantTiming() }).sandboxes.get(SANDBOX_ID);
    assert.equal(sandbox.id, SANDBOX_ID);
    assert.equal(server.requests.length, 2);
  }
});

test("R2: a command whose answer breaks off is not run again", async () => {
  await using server = await ScriptedServer.start(({ method }) =>
    method === "GET" ? { json: sandboxWire() } : { json: {}, cutAfter: 1 },
  );
  const sandbox = await new Roost({ url: server.url, timing: instantTiming() }).sandboxes.get(SANDBOX_ID);
  await assert.rejects(sandbox.exec("date"), RoostConnectionError);
  assert.equal(server.requests.length, 2);
});

test("a redirect is not followed: credentials stay with the server they are for", async () => {
  await using elsewhere = await ScriptedServer.start(() => ({ json: sandboxWire() }));
  await using server = await ScriptedServer.start(() => ({ status: 307, headers: { location: elsewhere.url } }));
  const roost = new Roost({ url: server.url, apiKey: "rst_a", timing: instantTiming() });
  await assert.rejects(roost.sandboxes.get(SANDBOX_ID), RoostConnectionError);
  assert.equal(elsewhere.requests.length, 0);
});

test("a cancelled call rejects with its signal's reason, before, during and in the middle of the answer", async () => {
  const reason = new Error("enough");
  await using server = await ScriptedServer.startRaw((request, response) => {
    if (request.url?.includes("half")) response.writeHead(200, { "content-length": 100 }).write("{");
    setImmediate(() => controller.abort(reason));
  });
  let controller = new AbortController();
  const roost = new Roost({ url: server.url });
  await assert.rejects(roost.sandboxes.get("sb-whole", { signal: controller.signal }), reason);
  await assert.rejects(roost.sandboxes.get("sb-again", { signal: controller.signal }), reason);
  controller = new AbortController();
  await assert.rejects(roost.sandboxes.get("sb-half", { signal: controller.signal }), reason);
  controller = new AbortController();
  const credentials = { email: "me@example.org", password: "correct horse" };
  await assert.rejects(roost.auth.login(credentials, { signal: controller.signal }), reason);
});
