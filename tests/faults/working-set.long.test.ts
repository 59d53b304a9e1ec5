/**
 * What a first wake uses is there before a second one of the same moment asks for it, in both ways a guest is given memory. On real
 * microVMs, without control plane.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  createSandbox,
  destroySandbox,
  freezeSandbox,
  learnBeforePause,
  learnWorkingSet,
  linkGeneration,
  type Parts,
  type RunningSandbox,
  snapshotFolder,
} from "@roost/host-agent/testing";
import { newId } from "@roost/protocol/ids";
import { openFaultsGround, smallSpec } from "./faults-ground.ts";
import { sh } from "./guest-shell.ts";

const NEVER = new AbortController().signal;
/** What every wake does in its first seconds. */
const USE = "find /usr -xdev -type f | head -200 | xargs cat | wc -c";

describe("the working set of a moment", () => {
  for (const memory of ["mapped", "paged"] as const) {
    test(`is recorded by the first that wakes and ready for the second: ${memory}`, async () => {
      await using stack = new AsyncDisposableStack();
      const { parts } = stack.use(await openFaultsGround({ memory }));
      const snapshotId = newId("template", randomBytes);
      const snapshot = await freezeAsSnapshot(parts, snapshotId);
      const clone = async () => {
        const spec = { ...smallSpec(), snapshotId };
        const running = await createSandbox(parts, spec, new Date(), NEVER);
        stack.defer(() => destroySandbox(parts, spec.id, running));
        const atOnce = await presentBytes(parts, spec.id, running);
        await sh(running, USE);
        return { spec, running, atOnce, counts: await memoryStats(parts, spec.id) };
      };

      const first = await clone();
      await learnWorkingSet(parts, first.spec.id, first.running);
      const own = join(parts.roots.data, first.spec.id, "generations", "1", "working-set");
      const [given, kept] = await Promise.all([stat(join(snapshot, "working-set")), stat(own)]);
      assert.deepEqual([given.ino, given.uid, given.mode & 0o777], [kept.ino, 0, 0o444]);
      await assert.rejects(stat(join(parts.roots.data, first.spec.id, "working-set.new")), { code: "ENOENT" });

      const second = await clone();
      assert(second.atOnce > first.atOnce, `${second.atOnce} > ${first.atOnce}`);
      if (memory === "paged") {
        assert.equal(first.counts.prefetched_bytes, 0);
        assert(second.counts.prefetched_bytes > 0);
        assert(second.counts.faults < first.counts.faults, `${second.counts.faults} < ${first.counts.faults}`);
      }
      // What is there is not replaced; what is gone, or cannot be read, only makes a wake slower.
      await learnWorkingSet(parts, second.spec.id, second.running);
      assert.equal((await stat(join(snapshot, "working-set"))).ino, given.ino);
      await rm(join(snapshot, "working-set"));
      await writeFile(join(snapshot, "working-set"), "no working set");
      const third = await clone();
      assert.equal(third.counts.prefetched_bytes, 0);
    });
  }

  test("goes to the snapshot, too, when the one that was made from it is paused at once", async () => {
    await using stack = new AsyncDisposableStack();
    const { parts } = stack.use(await openFaultsGround());
    const snapshotId = newId("template", randomBytes);
    const snapshot = await freezeAsSnapshot(parts, snapshotId);
    const spec = { ...smallSpec(), snapshotId };
    const running = await createSandbox(parts, spec, new Date(), NEVER);
    stack.defer(() => destroySandbox(parts, spec.id, undefined));
    const late = { ...parts, now: () => new Date(Date.now() + 3_600_000) };
    await learnBeforePause(late, spec.id, running);
    await assert.rejects(stat(join(snapshot, "working-set")), { code: "ENOENT" });
    const { free } = await freezeSandbox(parts, spec.id, running, NEVER);
    await free();
    assert((await readFile(join(snapshot, "working-set"))).toString("latin1").startsWith("ROOSTWSS"));
  });
});

/** A snapshot of a sandbox that is gone. */
async function freezeAsSnapshot(parts: Parts, snapshotId: string): Promise<string> {
  const spec = smallSpec();
  const running = await createSandbox(parts, spec, new Date(), NEVER);
  const { free } = await freezeSandbox(parts, spec.id, running, NEVER);
  await free();
  const snapshot = snapshotFolder(parts.roots, snapshotId);
  await mkdir(parts.roots.generations, { recursive: true });
  await linkGeneration(join(parts.roots.data, spec.id, "generations", "1"), snapshot, { durable: false });
  await destroySandbox(parts, spec.id, undefined);
  return snapshot;
}

/** How much of its layers it has now; in the record's own words: 24 bytes, then 16 for each run of pages. */
async function presentBytes(parts: Parts, id: string, { machine }: RunningSandbox): Promise<number> {
  await machine.recordWorkingSet();
  const path = join(parts.roots.data, id, "save", "working-set");
  const set = await readFile(path);
  await rm(path);
  let pages = 0n;
  for (let at = 24; at < set.length; at += 16) pages += set.readBigUInt64LE(at + 8);
  return Number(pages) * 4096;
}

interface MemoryStats {
  readonly faults: number;
  readonly prefetched_bytes: number;
}

async function memoryStats(parts: Parts, id: string): Promise<MemoryStats> {
  const socket = connect(join(parts.roots.run, id, "keeper.sock"));
  try {
    socket.write('{"op":"stats"}\n');
    const [line] = (await once(socket, "data")) as [Buffer];
    return (JSON.parse(line.toString()) as { memory: MemoryStats }).memory;
  } finally {
    socket.destroy();
  }
}
