import assert from "node:assert/strict";
import { test } from "node:test";
import { Blocks } from "./blocks.ts";

test("what is put together is what came, however it was cut", () => {
  const content = Buffer.from(Array.from({ length: 700_000 }, (_, index) => index % 251));
  for (const step of [1, 7, 65_536, 262_144, 262_145, 700_000]) {
    const blocks = new Blocks();
    for (let offset = 0; offset < content.length; offset += step)
      blocks.append(content.subarray(offset, offset + step));
    assert.equal(blocks.size, content.length);
    assert.ok(blocks.join().equals(content), `in pieces of ${step} bytes`);
  }
  assert.equal(new Blocks().join().length, 0);
});

test("N4: single bytes, each of a packet of its own, cost no more memory than a file of their size", () => {
  const packets = 200_000;
  const before = process.memoryUsage().arrayBuffers;
  const blocks = new Blocks();
  for (let packet = 0; packet < packets; packet++) blocks.append(new Uint8Array(4096).subarray(0, 1));
  const kept = process.memoryUsage().arrayBuffers - before;
  assert.equal(blocks.size, packets);
  assert.ok(kept < (packets * 4096) / 4, `${kept} bytes are held for ${packets}`);
});
