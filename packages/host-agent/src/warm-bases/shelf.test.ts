import assert from "node:assert/strict";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { layShelf } from "./testing/shelf-ground.ts";

const SHAPE = { vcpus: 1, memoryMb: 128 };

test("a warm base is found by image and shape, and by no other", async () => {
  await using ground = await layShelf("minimal", "other");
  await ground.put("minimal", SHAPE);
  const found = await ground.shelf.find("minimal", SHAPE);
  assert.deepEqual([found?.manifest.memory_mb, found?.manifest.image], [128, "minimal"]);
  assert.equal(await ground.shelf.find("minimal", { vcpus: 2, memoryMb: 128 }), undefined);
  assert.equal(await ground.shelf.find("minimal", { vcpus: 1, memoryMb: 256 }), undefined);
  assert.equal(await ground.shelf.find("other", SHAPE), undefined);
  assert.equal(await ground.shelf.find("../minimal", SHAPE), undefined);
});

test("of an image eight shapes are kept: those that were used last", async () => {
  await using ground = await layShelf("minimal", "other");
  await ground.put("other", SHAPE);
  for (let n = 1; n <= 8; n++) await ground.put("minimal", { vcpus: 1, memoryMb: 128 * n });
  await ground.shelf.find("minimal", { vcpus: 1, memoryMb: 128 });
  await ground.put("minimal", { vcpus: 1, memoryMb: 128 * 9 });
  await ground.shelf.tidy();
  assert.deepEqual(
    await ground.memories("minimal"),
    [1, 3, 4, 5, 6, 7, 8, 9].map((n) => 128 * n),
  );
  assert.deepEqual(await ground.memories("other"), [128]);
});

const CHANGES = {
  "its image": ({ replaceImage }: Ground) => replaceImage("minimal"),
  "the guest's kernel": ({ host }: Ground) => Object.assign(host, { boot: "another kernel" }),
  "the VMM's version": ({ host }: Ground) => Object.assign(host, { version: "8.0" }),
  "what the VMM can wake": ({ host }: Ground) => Object.assign(host, { cannotWake: "another CPU" }),
};
type Ground = Awaited<ReturnType<typeof layShelf>>;

for (const [what, change] of Object.entries(CHANGES)) {
  test(`once ${what} is another it is not found, and removed`, async () => {
    await using ground = await layShelf("minimal");
    await ground.put("minimal", SHAPE);
    await change(ground);
    assert.equal(await ground.shelf.find("minimal", SHAPE), undefined);
    await ground.shelf.tidy();
    assert.deepEqual(await readdir(join(ground.root, "minimal")), []);
  });
}

test("a new one takes the place of one that the VMM of now cannot wake", async () => {
  await using ground = await layShelf("minimal");
  await ground.put("minimal", SHAPE);
  ground.host.version = "8.0";
  await ground.put("minimal", SHAPE);
  assert.equal((await ground.shelf.find("minimal", SHAPE))?.manifest.vmm.version, "8.0");
});

test("what is half there, damaged, foreign, or of an image that is gone is removed", async () => {
  await using ground = await layShelf("minimal", "gone");
  await ground.put("minimal", SHAPE);
  await ground.put("gone", SHAPE);
  await mkdir(join(ground.root, "minimal", "1x256-0123456789abcdef.new"));
  await mkdir(join(ground.root, "minimal", "something"));
  await ground.put("minimal", { vcpus: 1, memoryMb: 512 });
  const damaged = await ground.shelf.placeOf("minimal", { vcpus: 1, memoryMb: 512 });
  await writeFile(join(damaged, "manifest.json"), "{");
  await rm(join(ground.assets, "images", "gone"), { recursive: true });
  await ground.shelf.tidy();
  assert.deepEqual(await ground.memories("minimal"), [128]);
  assert.deepEqual(await readdir(ground.root), ["minimal"]);
});
