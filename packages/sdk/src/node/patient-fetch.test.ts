import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedServer } from "../testing/testing.ts";
import { patientFetch } from "./patient-fetch.ts";

test("what fetch sends and gets, the patient one sends and gets, too", async () => {
  for (const fetch of [globalThis.fetch, patientFetch]) {
    await using server = await ScriptedServer.start(({ body }) => ({
      status: 418,
      headers: { "x-some": "thing", "set-cookie": "a=b" },
      bytes: Buffer.concat([Buffer.from("got "), body]),
    }));
    const response = await fetch(`${server.url}/a?b=c`, { method: "POST", body: "grüße", headers: { "x-mine": "1" } });
    assert.deepEqual([response.status, response.ok, response.headers.get("x-some")], [418, false, "thing"]);
    assert.equal(await response.text(), "got grüße");
    const [seen] = server.requests;
    assert.deepEqual([seen?.method, seen?.path, seen?.query.get("b")], ["POST", "/a", "c"]);
    assert.equal(seen?.headers.get("x-mine"), "1");
    assert.equal(seen?.headers.get("content-length"), "7");
  }
});

test("it fails as fetch does: a TypeError with the cause, and the signal's reason", async () => {
  for (const fetch of [globalThis.fetch, patientFetch]) {
    await using server = await ScriptedServer.start(() => ({ cutAfter: 0 }));
    await assert.rejects(fetch(server.url), (error) => error instanceof TypeError && error.cause instanceof Error);
    const reason = new Error("enough");
    await assert.rejects(fetch(server.url, { signal: AbortSignal.abort(reason) }), reason);

    await using silent = await ScriptedServer.startRaw(() => controller.abort(reason));
    const controller = new AbortController();
    await assert.rejects(fetch(silent.url, { signal: controller.signal }), reason);
  }
});

test("answers without content have none", async () => {
  await using server = await ScriptedServer.start(() => ({ status: 204 }));
  const response = await patientFetch(server.url, { method: "DELETE" });
  assert.equal(response.status, 204);
  assert.equal(await response.text(), "");
});
