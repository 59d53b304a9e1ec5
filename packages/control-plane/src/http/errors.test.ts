import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { PASSWORD, startTestControlPlane } from "../testing/control-plane.ts";

const plane = await startTestControlPlane();
after(() => plane[Symbol.asyncDispose]());
const { api } = plane;
const { key } = await plane.newMember();
const JSON_TYPE = { "content-type": "application/json" };

test("bad JSON is 400, in every shape of bad", async () => {
  const bodies = [
    "{",
    "{not json}",
    "[1,2",
    '{"a":1}}',
    "\0",
    '{"__proto__":{"x":1}}',
    '{"metadata":{"__proto__":"x"}}',
    '{"vcpus":NaN}',
    "'x'",
    "\ufeff{",
  ];
  for (const body of bodies) {
    const answer = await api.post("/v1/sandboxes", { key, headers: JSON_TYPE, body });
    assert.deepEqual([answer.status, answer.body.error.code], [400, "invalid_request"], JSON.stringify(body));
  }
});

test("another content type is 400 and says so", async () => {
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/xml",
    "multipart/form-data; boundary=b",
  ]) {
    const answer = await api.post("/v1/sandboxes", { key, headers: { "content-type": type }, body: "vcpus=1" });
    assert.equal(answer.status, 400, type);
    assert.match(answer.body.error.message, /content-type/);
  }
});

test("a JSON body beyond the limit is 413, whether its length is told beforehand or not", async () => {
  const body = JSON.stringify({ metadata: { a: "x".repeat(1024 * 1024) } });
  const told = await api.post("/v1/sandboxes", { key, headers: JSON_TYPE, body });
  assert.deepEqual([told.status, told.body.error.code], [413, "payload_too_large"]);
  const untold = await api.post("/v1/sandboxes", { key, headers: JSON_TYPE, body: new Blob([body]).stream() });
  assert.equal(untold.status, 413);
});

test("a JSON body just below the limit is read", async () => {
  const stdin = "x".repeat(1024 * 1024 - 100);
  const path = "/v1/sandboxes/sb-aaaaaaaaaaaaaaaaaaaa/exec";
  assert.equal((await api.post(path, { key, json: { cmd: "cat", stdin } })).status, 404);
});

test("an unknown route, method or path that cannot be decoded gets the same kind of answer as any error", async () => {
  for (const [method, path, status] of [
    ["GET", "/", 404],
    ["GET", "/v1/nothing", 404],
    ["PUT", "/v1/sandboxes", 404],
    ["GET", "/v1/sandboxes/", 404],
    ["GET", `/v1/sandboxes/${"x".repeat(500)}`, 404],
  ] as const) {
    const answer = await api.call(method, path, { key });
    assert.equal(answer.status, status, path);
    assert.ok(answer.body.error.message);
  }
  const undecodable = request(`${api.url}/v1/sandboxes/%E0%A4%A`, { headers: { "x-api-key": key } }).end();
  const [response] = await once(undecodable, "response");
  assert.equal(response.statusCode, 400);
  assert.match(response.headers.request_id, /^req-/);
  assert.equal(JSON.parse(await text(response)).error.code, "invalid_request");
});

test("what is no HTTP gets a 400 of the documented form, with a request id", async () => {
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  socket.write("NONSENSE\r\n\r\n");
  const answer = await text(socket);
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /\r\nrequest_id: req-[0-9a-f]{20}\r\n/);
  assert.equal(JSON.parse(answer.split("\r\n\r\n")[1] ?? "").error.code, "invalid_request");
});

test("every answer has a request id of its own, whatever the caller sends, and the log has it", async () => {
  const headers = { request_id: "mine", "x-request-id": "mine", "request-id": "mine" };
  const [first, second] = await Promise.all([1, 2].map(() => api.get("/healthz", { headers })));
  const ids = [first, second].map((answer) => answer?.headers.get("request_id"));
  assert.notEqual(ids[0], ids[1]);
  assert.ok(!ids.includes("mine"));
  const refused = await api.get("/v1/sandboxes");
  assert.match(plane.log(), new RegExp(`"request_id":"${refused.headers.get("request_id")}".*"status":401`));
});

test("an error of our own says nothing of its cause to the caller, and all of it to the log", async () => {
  const { session, userId } = await plane.newMember();
  // A row that breaks what the code relies on.
  await plane.db.updateTable("users").set({ password_hash: "broken" }).where("id", "=", userId).execute();
  const email = (await api.get("/v1/me", { session })).body.user.email;
  const answer = await api.post("/v1/auth/login", { json: { email, password: PASSWORD } });
  assert.equal(answer.status, 500);
  assert.deepEqual(answer.body.error, {
    code: "internal",
    message: "Something went wrong here; the log has it under this answer's request_id.",
  });
  assert.match(plane.log(), /stored password hash does not have the form/);
});

test("no log line holds a password, a key, a session or a token", async () => {
  const member = await plane.newMember();
  await api.get("/v1/sandboxes", { key: member.key });
  await api.get("/v1/me", { session: member.session });
  await api.post("/v1/auth/login", { json: { email: member.email, password: `${PASSWORD}-wrong` } });
  await api.post("/v1/auth/signup", { json: { email: member.email, password: PASSWORD } });
  const announced = await api.post("/v1/hosts", { session: plane.admin.session, json: {} });
  await api.post("/v1/hosts/register", { json: { token: announced.body.registration_token } });
  const log = plane.log();
  assert.match(log, /\/v1\/auth\/signup/, "the requests are in the log");
  for (const secret of [PASSWORD, member.key, member.session, announced.body.registration_token, member.email]) {
    assert.ok(!log.includes(secret), secret);
  }
  assert.ok(!log.includes(plane.config.secret.toString()));
});
