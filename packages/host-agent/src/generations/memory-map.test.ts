import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { summarizeMap } from "./memory-map.ts";

const [A, B, ZERO] = ["a".repeat(32), "b".repeat(32), "0".repeat(32)];

function mapOf(...entries: readonly (readonly [id: string, length: number])[]): Buffer {
  const header = Buffer.alloc(64);
  header.write("ROOSTMEM");
  const written = entries.map(([id, length]) => {
    const entry = Buffer.alloc(40);
    entry.writeBigUInt64LE(BigInt(length), 8);
    entry.write(id, 16, "hex");
    return entry;
  });
  return Buffer.concat([header, ...written, Buffer.alloc(40)]);
}

test("a map tells its layers, its pieces, how many would be left in one layer, and how much is not zero", async () => {
  await using place = await mkdtempDisposable(join(tmpdir(), "roost-map-"));
  const path = join(place.path, "memory.map");
  await writeFile(path, mapOf([A, 4096], [B, 8192], [A, 4096], [ZERO, 4096], [ZERO, 4096], [B, 12_288]));
  assert.deepEqual(await summarizeMap(path), {
    layers: new Set([A, B]),
    entries: 6,
    leastEntries: 3,
    heldBytes: 28_672,
  });
  await writeFile(path, mapOf([ZERO, 4096]));
  assert.deepEqual(await summarizeMap(path), { layers: new Set(), entries: 1, leastEntries: 1, heldBytes: 0 });
  await writeFile(path, "no map");
  await assert.rejects(summarizeMap(path), { code: "internal" });
});
