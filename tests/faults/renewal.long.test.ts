/**
 * Renewing a generation is made to fail after every step, and its agent to die there: the old one or the new one is there, whole, and it is
 * the same moment. On real microVMs with work between their pauses.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  ASLEEP,
  AWAKE,
  createSandbox,
  destroySandbox,
  freezeSandbox,
  LIMITS,
  linkGeneration,
  needOf,
  type Parts,
  type RunningSandbox,
  readManifest,
  reconcile,
  renewGeneration,
  resumeSandbox,
  runCommand,
  snapshotFolder,
  summarizeMap,
} from "@roost/host-agent/testing";
import { newId } from "@roost/protocol/ids";
import { DyingSteps, FailingSteps, PlantedFailure } from "./failing-steps.ts";
import { type FaultsGround, openFaultsGround, smallSpec } from "./faults-ground.ts";
import { sh, startPython } from "./guest-shell.ts";
import { WatchedSteps } from "./watched-steps.ts";

const NEVER = new AbortController().signal;
const EVERY_STEP = Number.POSITIVE_INFINITY;
/** Whatever has more than one layer is too long. */
const STRICT = { ...LIMITS, memoryLayers: 1, diskLayers: 1 };

/** Holds memory of which it changes a part each time it is asked, and says whether all is right. */
const KNOWING = `
import hashlib, os, socket
pages = [os.urandom(4096) for _ in range(1024)]
sums = [hashlib.sha1(page).digest() for page in pages]
server = socket.create_server(("127.0.0.1", 7000))
open("/tmp/ready", "w").close()
while True:
    peer, _ = server.accept()
    right = sum(hashlib.sha1(page).digest() == known for page, known in zip(pages, sums))
    for i in range(0, len(pages), 5):
        pages[i] = os.urandom(4096); sums[i] = hashlib.sha1(pages[i]).digest()
    peer.sendall(str(right).encode()); peer.close()
`;
const ASK = `python3 -c 'import socket; print(socket.create_connection(("127.0.0.1", 7000)).makefile().read(), end="")'`;
const WRITE =
  "n=$(ls /work | wc -l); head -c 300000 /dev/urandom > /work/$n; head -c 9000 /dev/urandom | dd of=/work/0 conv=notrunc bs=1000 seek=$n 2> /dev/null; (cd /work; sha256sum * > /sums); sync";

describe("a generation that is renewed", () => {
  let ground: FaultsGround;
  let parts: Parts;
  const spec = smallSpec();
  /** With three layers of memory and of disk. */
  let generation: string;
  let running: RunningSandbox;

  before(async () => {
    ground = await openFaultsGround();
    parts = ground.parts;
    running = await createSandbox(parts, spec, new Date(), NEVER);
    await sh(running, "mkdir /work");
    await startPython(running, KNOWING);
    for (let pause = 1; pause <= 3; pause++) {
      if (pause > 1) running = await resumeSandbox(parts, spec.id, "memory", NEVER);
      await work();
      await pauseWhole();
    }
    generation = newestFolder(3);
  });

  after(async () => {
    if (ground) await destroySandbox(parts, spec.id, undefined);
    await ground?.[Symbol.asyncDispose]();
  });

  const newestFolder = (number: number): string => join(parts.roots.data, spec.id, "generations", String(number));

  async function work(): Promise<void> {
    assert.equal(await sh(running, ASK), "1024");
    await sh(running, WRITE);
  }

  async function pauseWhole(): Promise<void> {
    const { free } = await freezeSandbox(parts, spec.id, running, NEVER);
    await free();
  }

  /** The same moment under a name of its own, as a snapshot is one. */
  async function copy(): Promise<string> {
    const folder = snapshotFolder(parts.roots, newId("template", randomBytes));
    await mkdir(dirname(folder), { recursive: true });
    await linkGeneration(generation, folder, { durable: false });
    return folder;
  }

  const verify = (folder: string): Promise<unknown> =>
    runCommand([join(parts.assets, "bin", "roost-keeper"), "verify", folder]);

  /** What a guest's memory and disk are, however many layers they are in. */
  async function contentOf(folder: string): Promise<string[]> {
    const place = await mkdtemp(join(dirname(folder), "content-"));
    try {
      const keeper = join(parts.assets, "bin", "roost-keeper");
      const { stdout } = await runCommand([keeper, "compact", folder, join(place, "memory")]);
      const files = JSON.parse(stdout) as { name: string; size: number; checksum: string }[];
      const { disk } = await readManifest(folder);
      const layers = Array.from({ length: disk.layers }, (_, index) => join(folder, "disk", `${index}.qcow2`));
      // What is merged is laid out in one way only.
      const merged = join(place, "layer");
      await parts.rootDisk.merge(layers, disk.size_bytes, merged, NEVER);
      const { stdout: sum } = await runCommand(["sha256sum", merged]);
      const memory = files.filter(({ name }) => name.startsWith("memory/"));
      return [...memory.map(({ size, checksum }) => `${size} ${checksum}`), sum.split(" ")[0] ?? ""];
    } finally {
      await rm(place, { recursive: true });
    }
  }

  /** Whole, the same moment, and nothing beside it. */
  async function expectWhole(folder: string, content: string[]): Promise<"old" | "renewed"> {
    await verify(folder);
    assert.deepEqual(await contentOf(folder), content);
    const names = await readdir(dirname(folder));
    assert.deepEqual(
      names.filter((name) => name.endsWith(".new")),
      [],
    );
    const need = await needOf(folder, await readManifest(folder), ASLEEP, STRICT);
    return need ? "old" : "renewed";
  }

  test("has one layer of memory and one of disk, holds the same, and leaves its twins alone", async () => {
    const content = await contentOf(generation);
    const folder = await copy();
    const before = await readManifest(folder);
    assert.equal(await renewGeneration(parts, folder, ASLEEP, NEVER, STRICT), true);
    assert.equal(await expectWhole(folder, content), "renewed");
    assert.equal(await expectWhole(generation, content), "old");
    const { disk, files, ...rest } = await readManifest(folder);
    const { disk: oldDisk, files: _, ...oldRest } = before;
    assert.deepEqual(rest, oldRest);
    assert.deepEqual([oldDisk.layers, disk.layers], [3, 1]);
    assert.equal((await summarizeMap(join(folder, "memory.map"))).layers.size, 1);
    assert.equal(files.filter(({ name }) => name.startsWith("memory/")).length, 1);
    assert.equal(await renewGeneration(parts, folder, ASLEEP, NEVER, STRICT), false, "it is short now");
    await rm(folder, { recursive: true });
  });

  test("is the old or the new one, whole, at whatever step it fails", async (t) => {
    const content = await contentOf(generation);
    for (let step = 0; step < EVERY_STEP; step++) {
      const folder = await copy();
      const steps = new FailingSteps(step);
      const renewing = renewGeneration({ ...parts, steps: () => steps }, folder, ASLEEP, NEVER, STRICT);
      const failed: unknown = await renewing.then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failed === undefined) {
        assert(step >= 4, steps.names.join());
        break;
      }
      await t.test(`after ${steps.names.at(-1)}`, async () => {
        assert(failed instanceof PlantedFailure, String(failed));
        const is = await expectWhole(folder, content);
        assert.equal(is, steps.names.at(-1) === "exchange" ? "renewed" : "old");
      });
      await rm(folder, { recursive: true });
    }
  });

  test("is the old or the new one, whole, at whatever step its agent dies", async (t) => {
    const content = await contentOf(generation);
    const whole = new FailingSteps(EVERY_STEP);
    const first = await copy();
    await renewGeneration({ ...parts, steps: () => whole }, first, ASLEEP, NEVER, STRICT);
    await rm(first, { recursive: true });
    for (const [step, name] of whole.names.entries()) {
      await t.test(`after ${name}`, async () => {
        const folder = await copy();
        const dying = new DyingSteps(step);
        void renewGeneration({ ...parts, steps: () => dying }, folder, ASLEEP, NEVER, STRICT);
        await dying.dead;
        assert((await readdir(dirname(folder))).includes(`${basename(folder)}.renewed.new`), "it was under way");
        assert.deepEqual(
          (await reconcile(parts)).map(({ state }) => state),
          ["paused"],
        );
        await expectWhole(folder, content);
        await rm(folder, { recursive: true });
      });
    }
  });

  test("is the old one when it is cancelled, there is no room for another, or the disk fills up", async (t) => {
    const content = await contentOf(generation);
    for (const name of ["memory", "disk", "manifest"]) {
      await t.test(`cancelled at ${name}`, async () => {
        const folder = await copy();
        const cancel = new AbortController();
        const steps = new WatchedSteps((done) => {
          if (done === name) cancel.abort(new Error("a resume comes"));
        });
        const renewing = renewGeneration({ ...parts, steps: () => steps }, folder, ASLEEP, cancel.signal, STRICT);
        await assert.rejects(renewing, /a resume comes/);
        assert.equal(await expectWhole(folder, content), "old");
        await rm(folder, { recursive: true });
      });
    }
    await t.test("cancelled while a program runs", async () => {
      const folder = await copy();
      const cancel = new AbortController();
      setTimeout(() => cancel.abort(new Error("a resume comes")), 30);
      const renewing = renewGeneration(parts, folder, ASLEEP, cancel.signal, STRICT);
      await renewing.catch((error: Error) => assert.match(error.message, /a resume comes/));
      await expectWhole(folder, content);
      await rm(folder, { recursive: true });
    });
    await t.test("no room", async () => {
      const load = { ...parts.admission.load(), disk_free_mb: 1 };
      const admission = Object.create(parts.admission, { load: { value: () => load } }) as Parts["admission"];
      const folder = await copy();
      const renewing = renewGeneration({ ...parts, admission }, folder, ASLEEP, NEVER, STRICT);
      await assert.rejects(renewing, { code: "disk_full" });
      assert.equal(await expectWhole(folder, content), "old");
      await rm(folder, { recursive: true });
    });
    await t.test("the disk fills up", async () => {
      const place = await mkdtemp(join(tmpdir(), "roost-renewal-"));
      await using stack = new AsyncDisposableStack();
      stack.defer(() => rm(place, { recursive: true }));
      const { stdout } = await runCommand(["du", "-sk", generation]);
      const room = Number.parseInt(stdout, 10) + 4096;
      await runCommand(["mount", "-t", "tmpfs", "-o", `size=${room}k`, "tmpfs", place]);
      stack.defer(async () => void (await runCommand(["umount", place])));
      const folder = join(place, "generation");
      await runCommand(["cp", "-a", "--sparse=always", generation, folder]);
      await assert.rejects(renewGeneration(parts, folder, ASLEEP, NEVER, STRICT), { code: "disk_full" });
      await verify(folder);
      assert.deepEqual(await readdir(place), ["generation"]);
    });
  });

  test("its sandbox wakes from it with everything, and goes on being paused while its disk is merged below it", async () => {
    assert.equal(await renewGeneration(parts, generation, ASLEEP, NEVER, STRICT), true);
    running = await resumeSandbox(parts, spec.id, "memory", NEVER);
    await work();
    await pauseWhole();
    running = await resumeSandbox(parts, spec.id, "memory", NEVER);
    const newest = newestFolder(4);
    assert.equal((await readManifest(newest)).disk.layers, 2);
    assert.equal(await renewGeneration(parts, newest, AWAKE, NEVER, STRICT), true);
    const { layers } = await summarizeMap(join(newest, "memory.map"));
    assert.equal(layers.size, 2, "the memory of a machine that runs is left alone");
    await work();
    await pauseWhole();
    await verify(newestFolder(5));
    assert.equal((await readManifest(newestFolder(5))).disk.layers, 2, "what was merged, and what was written since");
    running = await resumeSandbox(parts, spec.id, "memory", NEVER);
    await sh(running, "cd /work && echo 3 > /proc/sys/vm/drop_caches && sha256sum -c --quiet /sums");
    await work();
    await pauseWhole();
  });
});
