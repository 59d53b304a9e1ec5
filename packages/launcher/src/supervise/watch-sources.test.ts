import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { watchSources } from "./watch-sources.ts";

test("changes that come together are told once; tests and other files are not told", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "roost-watch-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "http"));
  let told = 0;
  const first = Promise.withResolvers<void>();
  using _ = watchSources(folder, () => {
    told++;
    first.resolve();
  });
  for (const name of ["main.test.ts", "notes.md", "main.ts", "http/errors.ts"]) {
    await writeFile(join(folder, name), "export {};\n");
  }
  await first.promise;
  assert.equal(told, 1);
});
