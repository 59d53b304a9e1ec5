import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { teamWithHosts } from "../testing/team.ts";

const plane = await startTestControlPlane();
const team = await teamWithHosts(plane);
after(async () => {
  await team[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
const { api } = plane;
const { key, session } = team.member;
const host = team.peer.token;

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly opens: readonly string[];
}

/** Every operation of the document, with the kinds of credentials that it says open it. */
function operations(): Operation[] {
  return Object.entries(api.document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{[^}]+\}/g, path.includes("/hosts/") ? team.peer.id : "sb-aaaaaaaaaaaaaaaaaaaa"),
      opens: ((operation as { security?: object[] }).security ?? []).flatMap((scheme) => Object.keys(scheme)),
    })),
  );
}

/** Whether these credentials get past the door; what happens behind it does not matter here. */
async function opens(operation: Operation, credentials: object): Promise<boolean> {
  const answer = await api.call(operation.method, operation.path, credentials);
  return answer.status !== 401;
}

const guarded = operations().filter((operation) => operation.opens.length > 0);

test("A3: the document has operations of every kind of access", () => {
  const kinds = new Set(operations().map(({ opens }) => opens.toSorted().join(" or ")));
  assert.deepEqual([...kinds].toSorted(), ["", "ApiKey or Session", "HostToken", "Session"]);
});

for (const operation of guarded) {
  test(`A3: ${operation.method} ${operation.path} opens to ${operation.opens.join(" or ")} and to nothing else`, async () => {
    assert.equal(await opens(operation, {}), false, "no credentials");
    const right = { ApiKey: { key }, Session: { session }, HostToken: { host } };
    for (const [kind, credentials] of Object.entries(right)) {
      // Deleting and renewing are not tried with what opens them: the other tests need the host.
      if (operation.method === "DELETE" && operation.opens.includes(kind)) continue;
      assert.equal(await opens(operation, credentials), operation.opens.includes(kind), kind);
    }
    assert.equal(await opens(operation, { session: host }), false, "a host's token as a session");
    assert.equal(await opens(operation, { key: session }), false, "a session as a key");
    assert.equal(await opens(operation, { host: session }), false, "a session as a host's token");
    assert.equal(await opens(operation, { session: key }), false, "a key as a session");
  });
}

test("A3: an API key that is there decides, right or wrong; no session helps", async () => {
  const wrong = `rst_${"0".repeat(64)}`;
  assert.equal((await api.get("/v1/sandboxes", { key: wrong, session })).status, 401);
  assert.equal((await api.get("/v1/sandboxes", { key: "", session })).status, 401);
  assert.equal((await api.get("/v1/sandboxes", { key, session: "nonsense" })).status, 200);
  assert.equal((await api.get("/v1/me", { key: wrong, session })).status, 200, "account routes do not look at keys");
});

test("credentials are looked at before the body: without them bad JSON is 401, not 400", async () => {
  const headers = { "content-type": "application/json" };
  for (const { method, path } of guarded.filter((operation) => operation.method === "POST")) {
    const answer = await api.call(method, path, { headers, body: "{not json" });
    assert.equal(answer.status, 401, path);
  }
});

test("HEAD opens to no more than GET", async () => {
  for (const path of ["/v1/sandboxes", "/v1/me", "/v1/hosts"]) {
    assert.equal((await fetch(api.url + path, { method: "HEAD" })).status, 401);
  }
});

test("other ways to write credentials do not open", async () => {
  const tries: Record<string, string>[] = [
    { authorization: `Basic ${Buffer.from(`x:${key}`).toString("base64")}` },
    { authorization: session },
    { authorization: `Bearer  ${session} x` },
    { cookie: `session=${session}` },
  ];
  for (const headers of tries) assert.equal((await api.get("/v1/sandboxes", { headers })).status, 401);
  assert.equal((await api.get(`/v1/sandboxes?api_key=${key}`)).status, 401);
  assert.equal((await api.get("/v1/sandboxes", { headers: { authorization: `bearer ${session}` } })).status, 200);
});
