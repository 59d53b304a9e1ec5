import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openLogFile } from "./log-file.ts";

test("a full log moves aside, and of what moved only two are kept", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "roost-log-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "server.log");
  {
    using log = openLogFile(path, 20);
    for (const text of ["one: 10 bytes", "two", "three: too long for this file", "four", "five: 12 bytes.", "six"]) {
      log.line(text);
    }
  }
  assert.deepEqual((await readdir(folder)).sort(), ["server.log", "server.log.1", "server.log.2"]);
  assert.equal(await readFile(path, "utf8"), "five: 12 bytes.\nsix\n");
  assert.equal(await readFile(`${path}.1`, "utf8"), "four\n");
  assert.equal(await readFile(`${path}.2`, "utf8"), "three: too long for this file\n");
});

test("a log that is opened again goes on where it was", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "roost-log-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "server.log");
  for (const text of ["first", "second"]) {
    using log = openLogFile(path, 12);
    log.line(text);
  }
  assert.equal(await readFile(path, "utf8"), "second\n");
  assert.equal(await readFile(`${path}.1`, "utf8"), "first\n");
});
