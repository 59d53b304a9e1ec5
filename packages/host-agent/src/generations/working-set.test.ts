import assert from "node:assert/strict";
import { link, mkdir, mkdtempDisposable, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findTwins, giveWorkingSet, hasWorkingSet } from "./working-set.ts";

async function bench() {
  const place = await mkdtempDisposable(join(tmpdir(), "roost-working-set-"));
  const at = (...names: string[]) => join(place.path, ...names);
  const generation = async (...names: string[]): Promise<string> => {
    await mkdir(at(...names), { recursive: true });
    return at(...names);
  };
  await writeFile(at("recorded"), "recorded now");
  return { at, generation, [Symbol.asyncDispose]: () => place.remove() };
}

test("a working set is given to all that have none, and takes nobody's place", async () => {
  await using b = await bench();
  const [one, other, has] = [await b.generation("1"), await b.generation("2"), await b.generation("3")];
  await writeFile(join(has, "working-set"), "recorded before");
  await giveWorkingSet(b.at("recorded"), b.at("temporary"), [one, has, b.at("gone"), other]);
  for (const folder of [one, other]) {
    assert.equal(await readFile(join(folder, "working-set"), "utf8"), "recorded now");
    const { uid, mode } = await stat(join(folder, "working-set"));
    assert.deepEqual([uid, mode & 0o777], [0, 0o444]);
  }
  assert.equal(await readFile(join(has, "working-set"), "utf8"), "recorded before");
  assert.equal(await hasWorkingSet(one), true);
  assert.equal(await hasWorkingSet(b.at("gone")), false);
  assert.deepEqual((await readdir(b.at())).sort(), ["1", "2", "3", "recorded"]);
});

test("who was given it does not see what its writer does to the file afterwards", async () => {
  await using b = await bench();
  const folder = await b.generation("1");
  await giveWorkingSet(b.at("recorded"), b.at("temporary"), [folder]);
  await writeFile(b.at("recorded"), "changed");
  assert.equal(await readFile(join(folder, "working-set"), "utf8"), "recorded now");
});

test("a link or a folder in the place of what was recorded is not followed, and nothing is given", async () => {
  await using b = await bench();
  const folder = await b.generation("1");
  await writeFile(b.at("secret"), "the host's");
  await symlink(b.at("secret"), b.at("link"));
  await assert.rejects(giveWorkingSet(b.at("link"), b.at("temporary"), [folder]), { code: "ELOOP" });
  await assert.rejects(giveWorkingSet(folder, b.at("temporary"), [folder]), { code: "internal" });
  assert.deepEqual(await readdir(folder), []);
});

test("the same moment is found by its manifest, wherever it was linked to", async () => {
  await using b = await bench();
  const [own, twin, other] = [await b.generation("own"), await b.generation("a", "twin"), await b.generation("a", "x")];
  await writeFile(join(own, "manifest.json"), "{}");
  await writeFile(join(other, "manifest.json"), "{}");
  const places = [b.at("a"), b.at("no such place"), b.at("b")];
  assert.deepEqual(await findTwins(own, places), []);
  for (const folder of [twin, await b.generation("a", "half.new"), await b.generation("b", "2")]) {
    await link(join(own, "manifest.json"), join(folder, "manifest.json"));
  }
  assert.deepEqual(await findTwins(own, places), [twin, b.at("b", "2")]);
  assert.deepEqual(await findTwins(twin, places), [b.at("b", "2")], "itself is not one");
});
