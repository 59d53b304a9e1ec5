import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { placeFile, placeFolder } from "./durable.ts";

async function temporaryFolder(t: { after(work: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "roost-durable-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("a folder that could not be built whole leaves the old one, and no trace of itself", async (t) => {
  const parent = await temporaryFolder(t);
  await placeFolder(join(parent, "image"), (folder) => writeFile(join(folder, "a"), "old"));
  const half = placeFolder(join(parent, "image"), async (folder) => {
    await writeFile(join(folder, "a"), "new");
    throw new Error("disk full");
  });
  await assert.rejects(half, /disk full/);
  assert.equal(await readFile(join(parent, "image", "a"), "utf8"), "old");
  assert.deepEqual(await readdir(parent), ["image"]);
});

test("a folder takes the place of the one before it", async (t) => {
  const parent = await temporaryFolder(t);
  for (const name of ["old", "new"])
    await placeFolder(join(parent, "image"), (folder) => writeFile(join(folder, name), ""));
  assert.deepEqual(await readdir(join(parent, "image")), ["new"]);
  assert.deepEqual(await readdir(parent), ["image"]);
});

test("what a killed process has left of a folder goes with the next, and nothing else does", async (t) => {
  const parent = await temporaryFolder(t);
  for (const name of [".image.a1B2c3", ".image.json.a1B2c3", ".images.a1B2c3", "image.a1B2c3"])
    await mkdir(join(parent, name));
  await placeFolder(join(parent, "image"), (folder) => writeFile(join(folder, "a"), ""));
  assert.deepEqual((await readdir(parent)).sort(), [".image.json.a1B2c3", ".images.a1B2c3", "image", "image.a1B2c3"]);
});

test("a file has its mode from its first moment, whatever the umask", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "credentials.json");
  await placeFile(path, "secret", 0o600);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await placeFile(path, "shared", 0o644);
  assert.equal((await stat(path)).mode & 0o777, 0o644);
  assert.equal(await readFile(path, "utf8"), "shared");
  assert.deepEqual(await readdir(folder), ["credentials.json"]);
});
