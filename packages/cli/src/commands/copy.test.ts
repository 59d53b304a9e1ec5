import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  type Answer,
  errorAnswer,
  SANDBOX_ID,
  ScriptedServer,
  type SeenRequest,
  sandboxWire,
} from "@roost/sdk/testing";
import { spawnRoost } from "../testing/spawn-roost.ts";
import { type TemporaryPlace, temporaryPlace } from "../testing/temporary-place.ts";

const BYTES = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, index) => index % 251));

async function copy(place: TemporaryPlace, source: string, target: string, files: Answer, input?: Uint8Array) {
  await using server = await ScriptedServer.start(({ path }) =>
    path.includes("/files/") ? files : { json: path === "/v1/sandboxes" ? [sandboxWire()] : sandboxWire() },
  );
  const env = { ...place.env, ROOST_URL: server.url, ROOST_API_KEY: "rst_key" };
  const finished = await spawnRoost(["cp", source, target], { env, cwd: place.path, ...(input ? { input } : {}) });
  const sent = server.requests.find(({ path }) => path.includes("/files/"));
  return { ...finished, sent };
}

function uploaded(sent: SeenRequest | undefined) {
  assert.ok(sent, "nothing was uploaded");
  return { path: sent.query.get("path"), bytes: Buffer.from(sent.body) };
}

test("R4: a file goes into a sandbox, byte for byte", async () => {
  await using place = await temporaryPlace();
  await writeFile(join(place.path, "data.bin"), BYTES);
  const { exitCode, stdout, stderr, sent } = await copy(place, "data.bin", "mfzw:/tmp/x", { status: 204 });
  assert.deepEqual([exitCode, stdout.length, stderr], [0, 0, `195 KB to ${SANDBOX_ID}:/tmp/x\n`]);
  assert.deepEqual(uploaded(sent), { path: "/tmp/x", bytes: BYTES });
});

test("R4: into a folder written with a slash, it keeps its name", async () => {
  await using place = await temporaryPlace();
  await writeFile(join(place.path, "data.bin"), "x");
  const { sent } = await copy(place, "./data.bin", `${SANDBOX_ID}:/tmp/`, { status: 204 });
  assert.equal(uploaded(sent).path, "/tmp/data.bin");
});

test("R4: standard input and output take the place of a file", async () => {
  await using place = await temporaryPlace();
  const { exitCode, sent } = await copy(place, "-", `${SANDBOX_ID}:a`, { status: 204 }, BYTES);
  assert.equal(exitCode, 0);
  assert.deepEqual(uploaded(sent), { path: "a", bytes: BYTES });
  const { stdout, stderr } = await copy(place, `${SANDBOX_ID}:a`, "-", { bytes: BYTES });
  assert.deepEqual([stdout, stderr], [BYTES, ""]);
});

test("R4: a file comes out of a sandbox, to a name or into a folder", async () => {
  await using place = await temporaryPlace();
  await mkdir(join(place.path, "folder"));
  for (const [target, path] of [
    ["new.bin", "new.bin"],
    ["new.bin", "new.bin"],
    ["folder", "folder/a.bin"],
    ["folder/", "folder/a.bin"],
  ] as const) {
    const { exitCode, stderr, sent } = await copy(place, `${SANDBOX_ID}:/x/a.bin`, target, { bytes: BYTES });
    assert.deepEqual([exitCode, stderr], [0, `195 KB to ${path}\n`]);
    assert.deepEqual(await readFile(join(place.path, path)), BYTES);
    assert.equal(Buffer.from(sent?.body ?? []).toString(), '{"path":"/x/a.bin"}');
  }
});

test("R5: a download that breaks off leaves the old file, and nothing beside it", async () => {
  await using place = await temporaryPlace();
  await writeFile(join(place.path, "a"), "old");
  const { exitCode, stderr } = await copy(place, `${SANDBOX_ID}:/a`, "a", { bytes: BYTES, cutAfter: 1000 });
  assert.equal(exitCode, 1);
  assert.match(stderr, /^roost: No answer from http/);
  assert.deepEqual([await readdir(place.path), await readFile(join(place.path, "a"), "utf8")], [["a"], "old"]);
});

test("R4: a download to where no file can be says so, and one to a device writes there", async () => {
  await using place = await temporaryPlace();
  const nowhere = await copy(place, `${SANDBOX_ID}:/a`, "missing/a", { bytes: BYTES });
  assert.deepEqual(
    [nowhere.exitCode, nowhere.stderr],
    [1, "roost: Cannot write to missing: no such folder, or not for this user.\n"],
  );
  const device = await copy(place, `${SANDBOX_ID}:/a`, "/dev/null", { bytes: BYTES });
  assert.equal(device.exitCode, 0, device.stderr);
  const full = await copy(place, `${SANDBOX_ID}:/a`, "/dev/full", { bytes: BYTES });
  assert.deepEqual([full.exitCode, full.stderr], [1, "roost: Cannot write /dev/full (ENOSPC).\n"]);
});

test("R4: what cannot be copied is refused with a reason", async () => {
  await using place = await temporaryPlace();
  for (const [source, target, exitCode, message] of [
    ["missing", "mfzw:/a", 1, "Cannot read missing (ENOENT)."],
    [".", "mfzw:/a", 1, ". is a folder, and cp copies one file: pack it first, e.g. with tar."],
    ["a", "b", 2, "one side of cp has to be in a sandbox: write it ID:PATH."],
    ["aa:a", "bb:b", 2, "cp does not copy from sandbox to sandbox: copy to a file here, then on."],
    ["-", "mfzw:/tmp/", 2, "standard input has no name: write the whole path of the target, not only its folder."],
  ] as const) {
    const finished = await copy(place, source, target, { status: 204 });
    assert.deepEqual([finished.exitCode, finished.stderr, finished.sent], [exitCode, `roost: ${message}\n`, undefined]);
  }
  await writeFile(join(place.path, "big"), BYTES);
  const refusal = errorAnswer(413, "payload_too_large", "At most 100 MB.");
  const { exitCode, stderr } = await copy(place, "big", "mfzw:/a", refusal);
  assert.deepEqual([exitCode, stderr], [1, "roost: At most 100 MB. (payload_too_large)\n"]);
});
