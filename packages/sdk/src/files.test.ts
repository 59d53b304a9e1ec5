import assert from "node:assert/strict";
import { test } from "node:test";
import { RoostApiError, RoostConnectionError } from "./errors.ts";
import { patientFetch } from "./node/patient-fetch.ts";
import { Roost } from "./roost.ts";
import type { Sandbox } from "./sandbox.ts";
import {
  errorAnswer,
  instantTiming,
  SANDBOX_ID,
  ScriptedServer,
  type SeenRequest,
  sandboxWire,
} from "./testing/testing.ts";

const BYTES = new Uint8Array(300_000).map((_, index) => index % 253);

async function sandboxAt(url: string, fetch = globalThis.fetch): Promise<Sandbox> {
  return await new Roost({ url, fetch, timing: instantTiming() }).sandboxes.get(SANDBOX_ID);
}

/** Answers files/* with what is given, and everything else with the sandbox. */
function filesServer(answer: (request: SeenRequest) => object): Promise<ScriptedServer> {
  return ScriptedServer.start((request) =>
    request.path.includes("/files/") ? answer(request) : { json: sandboxWire() },
  );
}

/** What was sent to be written, and where. */
function writtenBy(request: SeenRequest | undefined): { path: string | null; bytes: Uint8Array } {
  assert.ok(request);
  assert.match(request.path, /\/files\/stream\/write$/);
  assert.equal(request.headers.get("content-type"), "application/octet-stream");
  return { path: request.query.get("path"), bytes: request.body };
}

for (const [name, fetch] of [
  ["the platform's fetch", globalThis.fetch],
  ["the patient fetch", patientFetch],
] as const) {
  test(`R4: a file is written from any kind of content, with ${name}`, async () => {
    await using server = await filesServer(() => ({ status: 204 }));
    const { files } = await sandboxAt(server.url, fetch);
    for (const content of [BYTES, BYTES.buffer, new Blob([BYTES]), new Blob([BYTES]).stream()]) {
      await files.write("/tmp/a", content);
      assert.deepEqual(writtenBy(server.requests.at(-1)), { path: "/tmp/a", bytes: BYTES });
    }
    await files.write("b", "grüße");
    assert.deepEqual(writtenBy(server.requests.at(-1)), { path: "b", bytes: new TextEncoder().encode("grüße") });
    await files.write("empty", "");
    assert.deepEqual(writtenBy(server.requests.at(-1)), { path: "empty", bytes: new Uint8Array() });
  });

  test(`R4: a file can be another user's, with ${name}`, async () => {
    await using server = await filesServer(({ path }) =>
      path.endsWith("/write") ? { status: 204 } : { bytes: BYTES },
    );
    const { files } = await sandboxAt(server.url, fetch);
    for (const content of ["text", new Blob(["text"]).stream()]) {
      await files.write("/a", content, { user: "root" });
      assert.equal(server.requests.at(-1)?.query.toString(), "path=%2Fa&user=root");
    }
    await files.read("/a", { user: "root" });
    assert.equal(Buffer.from(server.requests.at(-1)?.body ?? []).toString(), '{"path":"/a","user":"root"}');
  });

  test(`R4: a file is read as bytes, text and stream, with ${name}`, async () => {
    await using server = await filesServer(() => ({ bytes: BYTES }));
    const { files } = await sandboxAt(server.url, fetch);
    assert.deepEqual(await files.read("/a"), BYTES);
    assert.equal((await files.readText("/a")).length, BYTES.length - countBroken(BYTES));
    const chunks = await Array.fromAsync(await files.readStream("/a"));
    assert.deepEqual(Buffer.concat(chunks), Buffer.from(BYTES));
    assert.equal(Buffer.from(server.requests.at(-1)?.body ?? []).toString(), '{"path":"/a"}');
  });

  test(`R5: a download that breaks off fails, it does not just end, with ${name}`, async () => {
    await using server = await filesServer(() => ({ bytes: BYTES, cutAfter: 1000 }));
    const { files } = await sandboxAt(server.url, fetch);
    const stream = await files.readStream("/a");
    await assert.rejects(Array.fromAsync(stream), RoostConnectionError);
  });

  test(`R5: the server's refusal of an upload under way is what the caller hears, with ${name}`, async () => {
    await using server = await ScriptedServer.startRaw((request, response) => {
      if (request.method === "GET") return void response.end(JSON.stringify(sandboxWire()));
      // Not a byte of the body is read before the answer, nor after it.
      response.writeHead(413, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { code: "payload_too_large", message: "At most 100 MB." } }));
    });
    const { files } = await sandboxAt(server.url, fetch);
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    });
    const refused = { name: "RoostApiError", code: "payload_too_large" };
    await assert.rejects(files.write("/tmp/a", endless), refused);
  });
}

test("R5: a source that fails is what the caller hears, not the broken request", async () => {
  await using server = await filesServer(() => ({ status: 204 }));
  const { files } = await sandboxAt(server.url);
  const failure = new Error("the disk is gone");
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(10)),
    pull: (controller) => controller.error(failure),
  });
  await assert.rejects(files.write("/tmp/a", source), failure);
});

test("R4: a file that is not there is an error of the contract", async () => {
  await using server = await filesServer(() => errorAnswer(404, "not_found", "There is no /a."));
  const { files } = await sandboxAt(server.url);
  await assert.rejects(files.read("/a"), RoostApiError);
  await assert.rejects(files.readStream("/a"), { code: "not_found" });
});

test("R5: cancelling in the middle of a download gives the signal's reason", async () => {
  await using server = await ScriptedServer.startRaw((request, response) => {
    if (request.method === "GET") response.end(JSON.stringify(sandboxWire()));
    else response.writeHead(200, { "content-length": 100 }).write("begun");
  });
  const { files } = await sandboxAt(server.url);
  const controller = new AbortController();
  const reason = new Error("enough");
  const stream = await files.readStream("/a", { signal: controller.signal });
  const reader = stream.getReader();
  assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), "begun");
  controller.abort(reason);
  await assert.rejects(reader.read(), reason);
});

/** How many characters fewer than bytes UTF-8 decoding leaves. */
function countBroken(bytes: Uint8Array): number {
  return bytes.length - new TextDecoder().decode(bytes).length;
}
