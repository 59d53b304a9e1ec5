import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { lockFolder, tryLockFolder } from "./folder-lock.ts";

const never = new AbortController().signal;

async function temporaryFolder(t: { after(work: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "roost-lock-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("a folder that is locked is locked for others, until it is freed", async (t) => {
  const folder = await temporaryFolder(t);
  {
    await using _held = await lockFolder(folder, () => assert.fail("nobody held it"), never);
    assert.equal(await tryLockFolder(folder), undefined);
  }
  await using again = await tryLockFolder(folder);
  assert.notEqual(again, undefined);
});

test("who waits is told, and gets the lock when it is freed", async (t) => {
  const folder = await temporaryFolder(t);
  const first = await lockFolder(folder, () => {}, never);
  const waiting = Promise.withResolvers<void>();
  const second = lockFolder(folder, waiting.resolve, never);
  await waiting.promise;
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
});

test("the waiting can be given up", async (t) => {
  const folder = await temporaryFolder(t);
  await using _held = await lockFolder(folder, () => {}, never);
  const interruption = new AbortController();
  const reason = new Error("interrupted");
  await assert.rejects(
    lockFolder(folder, () => interruption.abort(reason), interruption.signal),
    reason,
  );
});

test("a process that is killed leaves no lock behind", async (t) => {
  const folder = await temporaryFolder(t);
  const script = `
    import { lockFolder } from ${JSON.stringify(join(import.meta.dirname, "folder-lock.ts"))};
    await lockFolder(${JSON.stringify(folder)}, () => {}, new AbortController().signal);
    console.log("held");
    setInterval(() => {}, 1000);
  `;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  assert.equal(await tryLockFolder(folder), undefined);
  holder.kill("SIGKILL");
  await using _freed = await lockFolder(folder, () => {}, AbortSignal.timeout(60_000));
});
