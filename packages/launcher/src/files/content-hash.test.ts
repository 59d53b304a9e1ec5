import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { contentHash } from "./content-hash.ts";

test("the hash changes with a content, a name, an executable bit; not with time, nor with what is left out", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "roost-hash-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "src"));
  await writeFile(join(folder, "src", "main.rs"), "fn main() {}\n");
  const hash = () => contentHash([folder], new Set(["target"]));
  const first = await hash();

  await writeFile(join(folder, "src", "main.rs"), "fn main() {}\n");
  await mkdir(join(folder, "target"));
  await writeFile(join(folder, "target", "main"), "built");
  assert.equal(await hash(), first);

  const seen = new Set([first]);
  await writeFile(join(folder, "src", "main.rs"), "fn main() { }\n");
  seen.add(await hash());
  await chmod(join(folder, "src", "main.rs"), 0o755);
  seen.add(await hash());
  await rename(join(folder, "src", "main.rs"), join(folder, "src", "lib.rs"));
  seen.add(await hash());
  assert.equal(seen.size, 4);
});
