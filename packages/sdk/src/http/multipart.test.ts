import assert from "node:assert/strict";
import { test } from "node:test";
import { multipartStream } from "./multipart.ts";

test("R5: a stream becomes a form that any parser reads back", async () => {
  const bytes = new Uint8Array(100_000).map((_, index) => index % 251);
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 9999) controller.enqueue(bytes.subarray(at, at + 9999));
      controller.close();
    },
  });
  const path = '/tmp/naïve "name"\r\nX: y; name=z';
  const body = multipartStream({ path }, source, "roost-boundary");
  const form = await new Response(body.content, { headers: { "content-type": body.type ?? "" } }).formData();
  assert.equal(form.get("path"), path);
  const file = form.get("file");
  assert.ok(file instanceof Blob);
  assert.deepEqual(new Uint8Array(await file.arrayBuffer()), bytes);
});

test("R5: the source is read only as fast as the form is", async () => {
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(1000));
    },
  });
  const { content } = multipartStream({ path: "a" }, endless, "roost-boundary");
  assert.ok(content instanceof ReadableStream);
  const reader = content.getReader();
  for (let reads = 0; reads < 10; reads += 1) await reader.read();
  assert.ok(pulled <= 15, `${pulled} chunks were pulled for 10 that were read`);
  await reader.cancel();
});
