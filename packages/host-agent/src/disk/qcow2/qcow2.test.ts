import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rename, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../commands/run.ts";
import { rootDiskSuite } from "../root-disk-suite.ts";
import { expectByte, writeByte } from "../testing/disk-io.ts";
import { CLUSTER_BYTES } from "./header.ts";
import { LAYER_FILE, Qcow2Disk } from "./qcow2.ts";

const CACHE = process.env.ROOST_CACHE || join(import.meta.dirname, "../../../../..", ".roost", "cache");
const driver = new Qcow2Disk(join(CACHE, "bin", "roost-disk"));
const UID = 1_899_990_000;
const NEVER = new AbortController().signal;

rootDiskSuite(driver);

async function emptyBase(sizeBytes: number) {
  const folder = await mkdtemp(join(tmpdir(), "roost-qcow2-"));
  const base = join(folder, "base.raw");
  await writeFile(base, "");
  await truncate(base, sizeBytes);
  const layer = join(folder, LAYER_FILE);
  return { folder, base, layer, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

test("a layer that we write is one that QEMU's checker finds whole, at every size", async () => {
  for (const sizeBytes of [512, 1024 ** 2 + 512, 1024 ** 3, 1024 ** 3 + 512, 20 * 1024 ** 3, 8 * 1024 ** 4]) {
    await using at = await emptyBase(sizeBytes);
    await driver.create({ base: at.base, layers: [] }, at.folder, UID);
    const { stdout } = await runCommand(["qemu-img", "info", "--output=json", "-f", "qcow2", at.layer]);
    const info: { "virtual-size": number; "backing-filename"?: string } = JSON.parse(stdout);
    assert.equal(info["virtual-size"], sizeBytes);
    assert.equal(info["backing-filename"], undefined);
    await runCommand(["qemu-img", "check", "-f", "qcow2", at.layer]);
  }
});

test("the first and the last sector of a disk can be written", async () => {
  await using at = await emptyBase(20 * 1024 ** 3);
  const disk = await driver.create({ base: at.base, layers: [] }, at.folder, UID);
  for (const offset of [0, 20 * 1024 ** 3 - 512]) {
    await writeByte(disk, 0x3c, offset, 512);
    await expectByte(disk, 0x3c, offset, 512);
  }
  await runCommand(["qemu-img", "check", "-f", "qcow2", at.layer]);
});

test("a layer whose VMM was killed in the midst of writing is attached again, with what had been flushed", async () => {
  await using at = await emptyBase(64 * 1024 ** 2);
  const disk = await driver.create({ base: at.base, layers: [] }, at.folder, UID);
  const node = `json:${JSON.stringify({ driver: "qcow2", file: { driver: "file", filename: at.layer } })}`;
  const killed = [
    "qemu-io",
    "-c",
    "write -P 1 0 1M",
    "-c",
    "flush",
    "-c",
    "write -P 2 4M 1M",
    "-c",
    "sigraise 9",
    node,
  ] as const;
  await assert.rejects(runCommand([...killed]));
  const again = await driver.attach({ base: at.base, layers: [] }, at.folder, UID);
  await expectByte(again, 1, 0, 1024 ** 2);
  await writeByte(disk, 3, 8 * 1024 ** 2, 4096);
});

const FORGERIES: Record<string, { readonly offset: number; readonly bytes: Buffer; readonly reason: RegExp }> = {
  "names a backing file": { offset: 8, bytes: u64(104n), reason: /backing file/ },
  "keeps its data in another file": { offset: 72, bytes: u64(0b10100n), reason: /features/ },
  "is encrypted": { offset: 32, bytes: u32(2), reason: /encrypted/ },
  "holds internal snapshots": { offset: 60, bytes: u32(1), reason: /snapshots/ },
  "is larger than its base": { offset: 24, bytes: u64(1n << 40n), reason: /size/ },
  "is of another version": { offset: 4, bytes: u32(2), reason: /version 2/ },
  "is no qcow2 at all": { offset: 0, bytes: Buffer.from("#!/bin/sh"), reason: /not a qcow2/ },
  "was found corrupt": { offset: 72, bytes: u64(0b10010n), reason: /corrupt/ },
};

for (const [name, { offset, bytes, reason }] of Object.entries(FORGERIES)) {
  test(`a layer is not attached whose VMM wrote a header that ${name}`, async () => {
    await using at = await emptyBase(64 * 1024 ** 2);
    await driver.create({ base: at.base, layers: [] }, at.folder, UID);
    {
      await using file = await open(at.layer, "r+");
      await file.write(bytes, 0, bytes.length, offset);
    }
    await assert.rejects(driver.attach({ base: at.base, layers: [] }, at.folder, UID), {
      code: "internal",
      message: reason,
    });
  });
}

test("a link, a pipe or an empty file in a layer's place is not attached, and what it points to is not touched", async () => {
  await using at = await emptyBase(64 * 1024 ** 2);
  await driver.create({ base: at.base, layers: [] }, at.folder, UID);
  const elsewhere = join(at.folder, "elsewhere");
  await rename(at.layer, elsewhere);
  const before = await stat(elsewhere);

  await symlink(elsewhere, at.layer);
  await assert.rejects(driver.attach({ base: at.base, layers: [] }, at.folder, UID + 1), { code: "internal" });
  assert.equal((await stat(elsewhere)).uid, before.uid);

  await rm(at.layer);
  await runCommand(["mkfifo", at.layer]);
  await assert.rejects(driver.attach({ base: at.base, layers: [] }, at.folder, UID), {
    code: "internal",
    message: /not a file/,
  });

  await rm(at.layer);
  await writeFile(at.layer, "");
  await assert.rejects(driver.attach({ base: at.base, layers: [] }, at.folder, UID), {
    code: "internal",
    message: /not a qcow2/,
  });
  assert.equal((await readFile(at.layer)).length, 0);
});

test("a layer whose tables claim more than its file holds, or lead nowhere, is not merged", async () => {
  const sizeBytes = 64 * 1024 ** 2;
  for (const entry of [u64((1n << 63n) | BigInt(5 * CLUSTER_BYTES)), u64(1n << 62n), u64(4096n), u64(0n)]) {
    await using at = await emptyBase(sizeBytes);
    const disk = await driver.create({ base: at.base, layers: [] }, at.folder, UID);
    await writeByte(disk, 1, 0, CLUSTER_BYTES);
    {
      await using file = await open(at.layer, "r+");
      const table = Buffer.alloc(8);
      await file.read(table, 0, 8, 3 * CLUSTER_BYTES);
      const tableAt = Number(table.readBigUInt64BE() & 0x00ff_ffff_ffff_fe00n);
      // All clusters of the disk are this one.
      const entries = Buffer.concat(Array.from({ length: 512 }, () => Buffer.concat([entry, u64(0xffff_ffffn)])));
      await file.write(entries, 0, entries.length, tableAt);
    }
    const merged = join(at.folder, "merged");
    await assert.rejects(driver.merge([at.layer, at.layer], sizeBytes, merged, NEVER), { code: "internal" });
    await assert.rejects(stat(merged), { code: "ENOENT" });
  }
});

test("a merged layer is one that QEMU's checker finds whole, and that holds no zeros", async () => {
  const sizeBytes = 3 * 1024 ** 3;
  await using at = await emptyBase(sizeBytes);
  const disk = await driver.create({ base: at.base, layers: [] }, at.folder, UID);
  for (const offset of [0, 1024 ** 3 - 4096, sizeBytes - 4096]) await writeByte(disk, 7, offset, 4096);
  await writeByte(disk, 0, 2 * 1024 ** 3, 4 * 1024 ** 2);
  const merged = join(at.folder, "merged");
  await driver.merge([at.layer], sizeBytes, merged, NEVER);
  await runCommand(["qemu-img", "check", "-f", "qcow2", merged]);
  assert.ok((await stat(merged)).blocks * 512 < 1024 ** 2);
});

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
