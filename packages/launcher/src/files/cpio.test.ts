import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type CpioEntry, writeCpio } from "./cpio.ts";

const ENTRIES: CpioEntry[] = [
  { kind: "folder", path: "modules", mode: 0o755 },
  { kind: "file", path: "init", mode: 0o755, content: Buffer.from("#!/bin/true\n") },
  { kind: "file", path: "modules/00-virtio.ko", mode: 0o644, content: Buffer.alloc(70_001, 7) },
  { kind: "file", path: "modules/empty", mode: 0o600, content: new Uint8Array() },
];

test("cpio itself reads the archive: names, modes, contents", async (t) => {
  const archive = writeCpio(ENTRIES);
  const listed = spawnSync("cpio", ["--list", "--quiet"], { input: archive, encoding: "utf8" });
  assert.equal(listed.status, 0, listed.stderr);
  assert.deepEqual(listed.stdout.trim().split("\n"), ["modules", "init", "modules/00-virtio.ko", "modules/empty"]);

  const folder = await mkdtemp(join(tmpdir(), "roost-cpio-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const unpacked = spawnSync("cpio", ["--extract", "--quiet"], { input: archive, cwd: folder, encoding: "utf8" });
  assert.equal(unpacked.status, 0, unpacked.stderr);
  assert.equal(await readFile(join(folder, "init"), "utf8"), "#!/bin/true\n");
  assert.deepEqual(await readFile(join(folder, "modules/00-virtio.ko")), Buffer.alloc(70_001, 7));
  assert.equal((await stat(join(folder, "init"))).mode & 0o777, 0o755);
  assert.equal((await stat(join(folder, "modules/empty"))).mode & 0o777, 0o600);
});

test("the same entries give the same bytes", () => {
  assert.deepEqual(writeCpio(ENTRIES), writeCpio(structuredClone(ENTRIES)));
});

test("a path that would leave the archive is refused", () => {
  for (const path of ["", "/init", "a\0b"]) {
    assert.throws(() => writeCpio([{ kind: "folder", path, mode: 0o755 }]), TypeError);
  }
});
