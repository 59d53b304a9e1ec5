import assert from "node:assert/strict";
import { test } from "node:test";
import { exists } from "../files/presence.ts";
import { runProgram } from "../programs/run-program.ts";
import { preloadLibraryPath, readSettings } from "../settings.ts";

test("the preload library needs no other library, so that it loads into a QEMU that anybody has built", async (t) => {
  const library = preloadLibraryPath(readSettings(process.env));
  if (!(await exists(library))) return t.skip("not built yet");
  const listing = await runProgram(["ldd", library], { signal: t.signal });
  assert.equal(listing.trim(), "statically linked");
});
