import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../commands/run.ts";
import { linkGeneration } from "./link.ts";

const CACHE = process.env.ROOST_CACHE || join(import.meta.dirname, "../../../..", ".roost", "cache");
const KEEPER = join(CACHE, "bin", "roost-keeper");
const FILES = [
  "manifest.json",
  "memory.map",
  "vmstate",
  ...Array.from({ length: 20 }, (_, index) => `memory/${index}`),
];

test("S4: a generation that is renewed again and again while it is linked is linked as one or the other, never as both", async () => {
  await using place = await mkdtempDisposable(join(tmpdir(), "roost-link-"));
  const [folder, renewed] = [join(place.path, "generation"), join(place.path, "renewed")];
  // Each has a layer that the other has not.
  for (const [path, content] of [
    [folder, "old"],
    [renewed, "new"],
  ] as const) {
    await mkdir(join(path, "memory"), { recursive: true });
    await mkdir(join(path, "disk"));
    for (const name of [...FILES, `disk/${content}`]) await writeFile(join(path, name), content);
  }
  let over = false;
  const renewing = (async () => {
    while (!over) await runCommand([KEEPER, "exchange", renewed, folder]);
  })();
  await using _ = {
    [Symbol.asyncDispose]: async () => {
      over = true;
      await renewing;
    },
  };
  for (let round = 0; round < 40; round++) {
    const to = join(place.path, `copy-${round}`);
    await linkGeneration(folder, to, { durable: false });
    const content = await readFile(join(to, "manifest.json"), "utf8");
    for (const name of FILES) assert.equal(await readFile(join(to, name), "utf8"), content, name);
    assert.deepEqual(await readdir(join(to, "disk")), [content]);
  }
});
