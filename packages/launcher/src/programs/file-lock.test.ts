import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { lock, tryLock } from "./file-lock.ts";

const never = new AbortController().signal;

async function temporaryFile(t: { after(work: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "roost-lock-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "lock");
}

test("what is locked is locked for others, until it is freed", async (t) => {
  const file = await temporaryFile(t);
  {
    await using _held = await lock(file, () => assert.fail("nobody held it"), never);
    assert.equal(await tryLock(file), undefined);
  }
  await using again = await tryLock(file);
  assert.notEqual(again, undefined);
});

test("who waits is told, and gets the lock when it is freed", async (t) => {
  const file = await temporaryFile(t);
  const first = await lock(file, () => {}, never);
  const waiting = Promise.withResolvers<void>();
  const second = lock(file, waiting.resolve, never);
  await waiting.promise;
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
});

test("the waiting can be given up", async (t) => {
  const file = await temporaryFile(t);
  await using _held = await lock(file, () => {}, never);
  const interruption = new AbortController();
  const reason = new Error("interrupted");
  await assert.rejects(
    lock(file, () => interruption.abort(reason), interruption.signal),
    reason,
  );
});

test("a process that is killed leaves no lock behind", async (t) => {
  const file = await temporaryFile(t);
  const script = `
    import { lock } from ${JSON.stringify(join(import.meta.dirname, "file-lock.ts"))};
    await lock(${JSON.stringify(file)}, () => {}, new AbortController().signal);
    console.log("held");
    setInterval(() => {}, 1000);
  `;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  assert.equal(await tryLock(file), undefined);
  holder.kill("SIGKILL");
  await using _freed = await lock(file, () => {}, AbortSignal.timeout(60_000));
});
