import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type RunRecord, readRunRecord, writeRunRecord } from "./records.ts";

const record: RunRecord = { state: "running", slot: 3, access_token: "secret", started_at: "2026-01-02T03:04:05.000Z" };

test("a record is read back as it was written, and leaves no other file", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "roost-records-"));
  await writeRunRecord(folder.path, { ...record, state: "starting" });
  await writeRunRecord(folder.path, record);
  assert.deepEqual(await readRunRecord(folder.path), record);
  assert.deepEqual(await readdir(folder.path), ["sandbox.json"]);
});

test("a record that is missing, torn, or of another shape counts as none", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "roost-records-"));
  const file = join(folder.path, "sandbox.json");
  assert.equal(await readRunRecord(folder.path), undefined);
  await writeRunRecord(folder.path, record);
  await truncate(file, 20);
  assert.equal(await readRunRecord(folder.path), undefined);
  await writeFile(file, JSON.stringify({ ...record, slot: -1 }));
  assert.equal(await readRunRecord(folder.path), undefined);
});
