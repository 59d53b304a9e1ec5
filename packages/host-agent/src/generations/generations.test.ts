import assert from "node:assert/strict";
import { chmod, mkdir, mkdtempDisposable, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { SavedMachine } from "../keeper/keeper-config.ts";
import { generationSize, linkGeneration, type Manifest, readManifest, sealGeneration } from "./generations.ts";
import { summarizeMap } from "./memory-map.ts";

const OLD_LAYER = "a".repeat(32);
const OWN_LAYER = "b".repeat(32);
const GONE_LAYER = "c".repeat(32);

const FACTS: Omit<Manifest, "version" | "files"> = {
  generation: 2,
  created_at: "2026-01-02T03:04:05.000Z",
  image: "minimal",
  vcpus: 1,
  memory_mb: 128,
  kernel: "6.1",
  vmm: { name: "qemu", version: "7.2", accelerator: "tcg", machine: "microvm-1", cpu: "max", tscKhz: 1 },
  disk: { driver: "qcow2", size_bytes: 4096, layers: 1 },
};

/** A map by hand, as docs/formats/generation.md has it; the checksum is the keeper's business. */
function mapOf(...layers: string[]): Buffer {
  const header = Buffer.alloc(64);
  header.write("ROOSTMEM");
  const entries = [...layers, "0".repeat(32)].map((id) => {
    const entry = Buffer.alloc(40);
    entry.write(id, 16, "hex");
    return entry;
  });
  return Buffer.concat([header, ...entries, Buffer.alloc(40)]);
}

async function bench() {
  const place = await mkdtempDisposable(join(tmpdir(), "roost-generations-"));
  const at = (...names: string[]) => join(place.path, ...names);
  // What it was woken from.
  await mkdir(at("old", "memory"), { recursive: true });
  await writeFile(at("old", "memory", `${OLD_LAYER}.layer`), "old pages");
  await writeFile(at("old", "memory", `${GONE_LAYER}.layer`), "overwritten since");
  // What the keeper has saved.
  await mkdir(at("save", "2", "memory"), { recursive: true });
  await writeFile(at("save", "2", "vmstate"), "state");
  await writeFile(at("save", "2", "memory.map"), mapOf(OLD_LAYER, OWN_LAYER));
  await writeFile(at("save", "2", "memory", `${OWN_LAYER}.layer`), "own pages");
  await writeFile(at("base"), "base");
  await writeFile(at("layer"), "disk");
  const checksum = "0".repeat(64);
  const machine: SavedMachine = {
    layerId: OWN_LAYER,
    files: [{ name: `memory/${OWN_LAYER}.layer`, size: 9, checksum }],
    pages: { scanned: 1, changed: 1, written: 1 },
    milliseconds: { state: 0, scan: 0, write: 0, sync: 0 },
  };
  const sealing = {
    saved: at("save", "2"),
    machine,
    parent: at("old"),
    inherited: [
      { name: `memory/${OLD_LAYER}.layer`, size: 1, checksum: "1".repeat(64) },
      { name: "vmstate", size: 1, checksum: "2".repeat(64) },
    ],
    disk: { base: at("base"), layers: [at("layer")] },
    facts: FACTS,
    besides: [at("base")],
  };
  return { at, sealing, [Symbol.asyncDispose]: () => place.remove() };
}

const inodeOf = async (path: string): Promise<number> => (await stat(path)).ino;

test("S3: a sealed generation has its own files, links to what it shares, and a manifest that lists all of it", async () => {
  await using b = await bench();
  await sealGeneration(b.sealing, b.at("generations", "2"));
  const generation = b.at("generations", "2");
  assert.deepEqual((await readdir(generation)).sort(), ["disk", "manifest.json", "memory", "memory.map", "vmstate"]);
  assert.deepEqual((await readdir(join(generation, "memory"))).sort(), [`${OLD_LAYER}.layer`, `${OWN_LAYER}.layer`]);
  const shared = join(generation, "memory", `${OLD_LAYER}.layer`);
  assert.equal(await inodeOf(shared), await inodeOf(b.at("old", "memory", `${OLD_LAYER}.layer`)));
  assert.equal(await inodeOf(join(generation, "disk", "0.qcow2")), await inodeOf(b.at("layer")));
  const manifest = await readManifest(generation);
  assert.deepEqual({ ...manifest, files: [] }, { ...FACTS, version: 1, files: [] });
  const names = manifest.files.map(({ name }) => name);
  assert.deepEqual(
    names.sort(),
    [
      "disk/0.qcow2",
      "disk/base.ext4",
      `memory/${OLD_LAYER}.layer`,
      `memory/${OWN_LAYER}.layer`,
      "memory.map",
      "vmstate",
    ].sort(),
  );
  const checksum = (part: string) => manifest.files.find(({ name }) => name.includes(part))?.checksum;
  assert.equal(checksum(OWN_LAYER), "0".repeat(64));
  assert.equal(checksum(OLD_LAYER), "1".repeat(64), "an earlier generation's layer keeps its checksum");
  assert.notEqual(checksum("vmstate"), "2".repeat(64));
});

test("S10: what the keeper wrote belongs to root and is read-only afterwards", async () => {
  await using b = await bench();
  await chmod(b.at("save", "2", "vmstate"), 0o666);
  await sealGeneration(b.sealing, b.at("generations", "2"));
  const facts = await stat(b.at("generations", "2", "vmstate"));
  assert.deepEqual([facts.uid, facts.gid, facts.mode & 0o777], [0, 0, 0o444]);
});

test("S10: a generation that cannot be sealed is not there, nor anything of it", async () => {
  await using b = await bench();
  const sealing = { ...b.sealing, disk: { base: b.at("base"), layers: [b.at("no such layer")] } };
  await assert.rejects(sealGeneration(sealing, b.at("generations", "2")), { code: "ENOENT" });
  assert.deepEqual(await readdir(b.at("generations")), []);
});

test("S4: a linked generation outlives the one it was linked from; both share every file", async () => {
  await using b = await bench();
  const [from, to] = [b.at("generations", "2"), b.at("kept", "copy")];
  await sealGeneration(b.sealing, from);
  await writeFile(join(from, "working-set"), "order");
  await linkGeneration(from, to, { durable: true });
  for (const name of ["vmstate", "working-set"]) {
    assert.equal(await inodeOf(join(from, name)), await inodeOf(join(to, name)));
  }
  assert.deepEqual(await readManifest(to), await readManifest(from));
  assert.equal(await readFile(join(to, "working-set"), "utf8"), "order");
});

test("D4: its size is what its files have allocated; its own share is what nothing else has", async () => {
  await using b = await bench();
  const generation = b.at("generations", "2");
  await sealGeneration(b.sealing, generation);
  const blocks = async (...names: string[]) => (await stat(join(generation, ...names))).blocks * 512;
  const own =
    (await blocks("vmstate")) +
    (await blocks("memory.map")) +
    (await blocks("manifest.json")) +
    (await blocks("memory", `${OWN_LAYER}.layer`));
  const { totalBytes, ownBytes } = await generationSize(generation);
  assert.equal(ownBytes, own);
  assert(totalBytes > ownBytes);
});

test("a manifest that is damaged, or not there, is told from one that is right", async () => {
  await using b = await bench();
  await assert.rejects(readManifest(b.at("old")), { code: "not_found" });
  for (const text of ["", "{}", JSON.stringify({ ...FACTS, version: 2, files: [] })]) {
    await writeFile(b.at("old", "manifest.json"), text);
    await assert.rejects(readManifest(b.at("old")), { code: "internal" });
  }
});

test("a map's layers are those that hold pages, each once; what is no map is refused", async () => {
  await using b = await bench();
  await writeFile(b.at("map"), mapOf(OWN_LAYER, OLD_LAYER, OWN_LAYER));
  const { layers, entries } = await summarizeMap(b.at("map"));
  assert.deepEqual([...layers], [OWN_LAYER, OLD_LAYER]);
  assert.equal(entries, 4);
  for (const damaged of [Buffer.alloc(0), mapOf(OWN_LAYER).subarray(1), Buffer.alloc(144)]) {
    await writeFile(b.at("map"), damaged);
    await assert.rejects(summarizeMap(b.at("map")), { code: "internal" });
  }
});
