/** What every driver of root disks promises, tried on a real ext4 image. A driver's test file calls `rootDiskSuite`. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../commands/run.ts";
import type { DiskChain, RootDisk } from "./root-disk.ts";
import { checksum, expectByte, expectSameAs, writeByte } from "./testing/disk-io.ts";

const UID = 1_899_990_000;
const NEVER = new AbortController().signal;
const MB = 1024 * 1024;
const BASE_BYTES = 64 * MB;
/** Where the tests write: blocks that the base's ext4 uses (its superblock), and far behind. */
const WRITTEN_AT = [0, 5 * MB + 4096, 60 * MB] as const;

interface Bench extends AsyncDisposable {
  readonly base: string;
  /** An empty folder, as a sandbox has one. */
  readonly folder: (name: string) => Promise<string>;
}

export function rootDiskSuite(driver: RootDisk): void {
  const promise = (name: string, body: (bench: Bench) => Promise<void>) =>
    test(`${driver.name}: ${name}`, async () => {
      await using bench = await newBench();
      await body(bench);
    });

  promise("D5: a fresh layer shows its base, of the base's size", async ({ base, folder }) => {
    const disk = await driver.create(over(base), await folder("a"), UID);
    assert.equal(disk.sizeBytes, BASE_BYTES);
    await expectSameAs(disk, base);
  });

  promise("D2: what is written is there after detach and attach, and the base is never written", async (bench) => {
    const folder = await bench.folder("a");
    const before = await checksum(bench.base);
    const disk = await driver.create(over(bench.base), folder, UID);
    for (const offset of WRITTEN_AT) await writeByte(disk, 0xa5, offset, 8192);
    await driver.detach(folder);
    const again = await driver.attach(over(bench.base), folder, UID);
    for (const offset of WRITTEN_AT) await expectByte(again, 0xa5, offset, 8192);
    await driver.remove(folder);
    assert.equal(await checksum(bench.base), before);
  });

  promise("S10: a frozen layer is never written again, whoever has a fresh one over it", async (bench) => {
    const first = await bench.folder("a");
    const disk = await driver.create(over(bench.base), first, UID);
    await writeByte(disk, 0x11, 0, 8192);
    const frozen = join(await bench.folder("frozen"), "0");
    await driver.freeze(first, frozen);
    await driver.detach(first);
    await driver.remove(first);
    const [uid, mode] = await stat(frozen).then((facts) => [facts.uid, facts.mode & 0o777]);
    assert.deepEqual([uid, mode], [0, 0o444]);
    const before = await checksum(frozen);
    const chain = over(bench.base, [frozen]);
    const [one, other] = [
      await driver.create(chain, first, UID),
      await driver.create(chain, await bench.folder("b"), UID),
    ];
    await expectByte(one, 0x11, 0, 8192);
    await writeByte(one, 0x22, 0, 4096);
    await expectByte(one, 0x22, 0, 4096);
    await expectByte(one, 0x11, 4096, 4096);
    await expectByte(other, 0x11, 0, 8192);
    assert.equal(await checksum(frozen), before);
  });

  promise("D2: merged layers show in any chain what they showed, and are not touched", async (bench) => {
    const layers = await frozenLayers(driver, bench, 4);
    const before = await Promise.all(layers.map(checksum));
    const flat = join(await bench.folder("flat"), "image");
    await driver.flatten(over(bench.base, layers), flat, NEVER);
    for (const [from, to] of [
      [0, 4],
      [1, 3],
      [2, 4],
    ] as const) {
      const folder = await bench.folder(`merged-${from}-${to}`);
      const merged = join(folder, "layer");
      await driver.merge(layers.slice(from, to), BASE_BYTES, merged, NEVER);
      assert.deepEqual(await stat(merged).then(({ uid, mode }) => [uid, mode & 0o777]), [0, 0o444]);
      const chain = over(bench.base, [...layers.slice(0, from), merged, ...layers.slice(to)]);
      const disk = await driver.create(chain, folder, UID);
      await expectSameAs(disk, flat);
      await writeByte(disk, 0x66, 5 * MB, 8192);
      await expectByte(disk, 0x66, 5 * MB, 8192);
    }
    assert.deepEqual(await Promise.all(layers.map(checksum)), before);
  });

  promise("D2: a flattened chain is an image that shows the same, and can be a base", async (bench) => {
    const layers = await frozenLayers(driver, bench, 3);
    const folder = await bench.folder("flat");
    const flat = join(folder, "image");
    await driver.flatten(over(bench.base, layers), flat, NEVER);
    await expectSameAs(await driver.create(over(bench.base, layers), await bench.folder("chain"), UID), flat);
    const { size, blocks, uid, mode } = await stat(flat);
    assert.deepEqual([size, uid, mode & 0o777], [BASE_BYTES, 0, 0o444]);
    assert.ok(blocks * 512 < BASE_BYTES / 2, "what is zero takes no room");
    await expectSameAs(await driver.create(over(flat), folder, UID), flat);
  });

  promise(
    "a merge or a flattening that is cancelled, or finds its name taken, leaves what there was",
    async (bench) => {
      const layers = await frozenLayers(driver, bench, 2);
      const folder = await bench.folder("merged");
      const to = join(folder, "layer");
      const stopped = AbortSignal.abort(new Error("enough"));
      await assert.rejects(driver.merge(layers, BASE_BYTES, to, stopped), /enough/);
      await assert.rejects(driver.flatten(over(bench.base, layers), to, stopped), /enough/);
      assert.deepEqual(await readdir(folder), []);
      await writeFile(to, "another's");
      await assert.rejects(driver.merge(layers, BASE_BYTES, to, NEVER), { code: "conflict" });
      await assert.rejects(driver.flatten(over(bench.base, layers), to, NEVER), { code: "conflict" });
      assert.equal(await readFile(to, "utf8"), "another's");
    },
  );

  promise("a merge or a flattening for which the disk has no room is disk_full and leaves nothing", async (bench) => {
    const layers = await frozenLayers(driver, bench, 2);
    const folder = await bench.folder("small");
    await runCommand(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]);
    await using _mounted = { [Symbol.asyncDispose]: () => unmount(folder) };
    const to = join(folder, "layer");
    await assert.rejects(driver.merge(layers, BASE_BYTES, to, NEVER), { code: "disk_full" });
    await assert.rejects(driver.flatten(over(bench.base, layers), to, NEVER), { code: "disk_full" });
    assert.deepEqual(await readdir(folder), []);
  });

  promise("a freeze that is taken back leaves a layer that is written on", async (bench) => {
    const folder = await bench.folder("a");
    const chain = over(bench.base);
    await writeByte(await driver.create(chain, folder, UID), 0x11, 0, 4096);
    const frozen = join(await bench.folder("frozen"), "0");
    await driver.freeze(folder, frozen);
    await rm(frozen);
    await driver.detach(folder);
    assert.equal(await driver.hasLayerOver(chain, folder), true);
    const again = await driver.attach(chain, folder, UID);
    await writeByte(again, 0x22, 4096, 4096);
    await expectByte(again, 0x11, 0, 4096);
  });

  promise("a layer that is the last of its chain is not one of the sandbox's own any more", async (bench) => {
    const folder = await bench.folder("a");
    const chain = over(bench.base);
    assert.equal(await driver.hasLayerOver(chain, folder), false);
    await driver.create(chain, folder, UID);
    const frozen = join(await bench.folder("frozen"), "0");
    await driver.freeze(folder, frozen);
    assert.equal(await driver.hasLayerOver(over(bench.base, [frozen]), folder), false);
    assert.equal(await driver.hasLayerOver(chain, folder), true);
  });

  promise("a layer that is set aside comes back with its data, or is dropped", async (bench) => {
    const folder = await bench.folder("a");
    const chain = over(bench.base);
    await writeByte(await driver.create(chain, folder, UID), 0x11, 0, 4096);
    await driver.setAside(folder);
    await driver.setAside(folder);
    assert.equal(await driver.hasLayerOver(chain, folder), false);
    await writeByte(await driver.create(chain, folder, UID), 0x22, 0, 4096);
    await driver.putBack(folder);
    await driver.putBack(folder);
    await expectByte(await driver.attach(chain, folder, UID), 0x11, 0, 4096);
    await driver.setAside(folder);
    await driver.dropAside(folder);
    await driver.putBack(folder);
    assert.deepEqual(await readdir(folder), []);
  });

  promise("a freeze without a layer, or where the name is taken, is refused and changes nothing", async (bench) => {
    const folder = await bench.folder("a");
    const taken = join(await bench.folder("frozen"), "0");
    await assert.rejects(driver.freeze(folder, taken), { code: "not_found" });
    await driver.create(over(bench.base), folder, UID);
    await writeFile(taken, "another's");
    await assert.rejects(driver.freeze(folder, taken), { code: "conflict" });
    assert.equal(await readFile(taken, "utf8"), "another's");
  });

  promise("two layers over one base do not see each other", async ({ base, folder }) => {
    const first = await driver.create(over(base), await folder("a"), UID);
    const second = await driver.create(over(base), await folder("b"), UID);
    await writeByte(first, 0x11, 0, 4096);
    await writeByte(second, 0x22, 4096, 4096);
    await expectByte(first, 0x11, 0, 4096);
    await writeByte(first, 0x33, 4096, 4096);
    await expectByte(second, 0x22, 4096, 4096);
  });

  promise("N3: only the topmost file is written, and it is the VMM's own alone", async ({ base, folder }) => {
    const disk = await driver.create(over(base), await folder("a"), UID);
    assert.deepEqual(
      disk.files.map(({ readOnly }) => readOnly),
      disk.files.map((_, index) => index < disk.files.length - 1),
    );
    const top = await stat(disk.files.at(-1)?.source ?? "");
    assert.deepEqual([top.uid, top.gid, top.mode & 0o777], [UID, UID, 0o600]);
  });

  promise("D4: usage is what the layer holds, not how long it is", async (bench) => {
    const folder = await bench.folder("a");
    const disk = await driver.create(over(bench.base), folder, UID);
    assert.ok((await driver.usage(folder)) < MB / 8, "a fresh layer is longer than that, and holds next to nothing");
    await writeByte(disk, 0x5a, 16 * MB, 8 * MB);
    const usage = await driver.usage(folder);
    assert.ok(usage >= 8 * MB && usage < 9 * MB, `${usage}`);
  });

  promise("remove leaves nothing, may be repeated, and makes room for another layer", async (bench) => {
    const folder = await bench.folder("a");
    const disk = await driver.create(over(bench.base), folder, UID);
    await writeByte(disk, 0x77, 0, 4096);
    await driver.detach(folder);
    await driver.remove(folder);
    await driver.remove(folder);
    assert.deepEqual(await readdir(folder), []);
    await expectSameAs(await driver.create(over(bench.base), folder, UID), bench.base);
  });

  promise("remove and detach are right for a folder that is gone", async ({ folder }) => {
    const gone = join(await folder("a"), "never");
    await driver.detach(gone);
    await driver.remove(gone);
  });

  promise("a second layer in the same folder is refused, and the first keeps its data", async (bench) => {
    const folder = await bench.folder("a");
    const disk = await driver.create(over(bench.base), folder, UID);
    await writeByte(disk, 0x42, 0, 4096);
    await assert.rejects(driver.create(over(bench.base), folder, UID), { code: "conflict" });
    await expectByte(disk, 0x42, 0, 4096);
  });

  promise("without a base, or with one that is no file, nothing is made", async (bench) => {
    const folder = await bench.folder("a");
    for (const base of [join(folder, "none.ext4"), folder]) {
      await assert.rejects(driver.create(over(base), folder, UID), { code: "not_found" });
    }
    await writeFile(join(folder, "odd"), "no whole sectors");
    await assert.rejects(driver.create(over(join(folder, "odd")), folder, UID), { code: "internal" });
    assert.deepEqual(await readdir(folder), ["odd"]);
  });

  promise("attaching where no layer was made is not_found", async ({ base, folder }) => {
    await assert.rejects(driver.attach(over(base), await folder("a"), UID), { code: "not_found" });
  });

  promise("a create that cannot give the layer to its user leaves nothing", async (bench) => {
    const folder = await bench.folder("a");
    await assert.rejects(driver.create(over(bench.base), folder, 2 ** 32), { code: "internal" });
    assert.deepEqual(await readdir(folder), []);
  });

  promise("a create that is cancelled leaves nothing", async (bench) => {
    const folder = await bench.folder("a");
    await assert.rejects(
      driver.create(over(bench.base), folder, UID, AbortSignal.abort(new Error("enough"))),
      /enough/,
    );
    assert.deepEqual(await readdir(folder), []);
  });

  promise("wherever a full disk stops a create, it is disk_full and nothing is left", async (bench) => {
    // A file system of a few blocks and files: each size stops the driver at another of its writes.
    const sizes = ["nr_inodes=1", "size=4k", "size=8k", "size=12k", "size=16k"];
    let failures = 0;
    for (const size of sizes) {
      const folder = await bench.folder(size);
      await runCommand(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder]);
      await using _mounted = { [Symbol.asyncDispose]: () => unmount(folder) };
      const error: unknown = await driver.create(over(bench.base), folder, UID).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) continue;
      failures++;
      assert.equal((error as { code?: unknown }).code, "disk_full", size);
      assert.deepEqual(await readdir(folder), [], size);
    }
    assert.ok(failures >= 2, "at least no file at all, and no room for its first block");
  });
}

/** Layers over the base and one another, each with blocks of its own, of the ones below, and zeros over both. */
async function frozenLayers(driver: RootDisk, bench: Bench, count: number): Promise<string[]> {
  const layers: string[] = [];
  const place = await bench.folder("layers");
  for (let index = 0; index < count; index++) {
    const folder = await bench.folder(`layer-${index}`);
    const disk = await driver.create(over(bench.base, layers), folder, UID);
    await writeByte(disk, 0x10 + index, index * 64 * 1024, 128 * 1024 + 4096);
    await writeByte(disk, 0x20 + index, (10 + 3 * index) * MB + 512, MB);
    await writeByte(disk, 0x30 + index, 50 * MB + index * 12_288, 20_480);
    if (index % 2 === 1) await writeByte(disk, 0, (7 + 3 * index) * MB, MB / 2);
    await writeByte(disk, 0x40 + index, BASE_BYTES - 8192 + 512 * index, 512);
    const frozen = join(place, String(index));
    await driver.freeze(folder, frozen);
    await driver.detach(folder);
    await driver.remove(folder);
    layers.push(frozen);
  }
  return layers;
}

function over(base: string, layers: readonly string[] = []): DiskChain {
  return { base, layers };
}

async function newBench(): Promise<Bench> {
  await using undo = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), "roost-disk-"));
  undo.defer(() => rm(root, { recursive: true }));
  const base = join(root, "base.ext4");
  const content = join(root, "content");
  await mkdir(content);
  await writeFile(join(content, "greeting"), "hello\n");
  await runCommand(["mke2fs", "-q", "-t", "ext4", "-d", content, base, `${BASE_BYTES / MB}M`]);
  const resources = undo.move();
  return {
    base,
    folder: async (name) => {
      const path = join(root, name);
      await mkdir(path);
      return path;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function unmount(folder: string): Promise<void> {
  await runCommand(["umount", folder]);
}
