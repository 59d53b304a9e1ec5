import assert from "node:assert/strict";
import { test } from "node:test";
import { countsIn } from "./lab-stories.ts";

test("the last line of a run counts, and a run without one has failed", () => {
  const parts = "  tests: 3 passed, 0 failed (2 s)\n1 passed, 0 failed\n12 passed, 2 failed, 1 skipped\n";
  assert.deepEqual(countsIn(parts), { passed: 12, failed: 2, skipped: 1 });
  assert.deepEqual(countsIn("5 passed, 0 failed\n"), { passed: 5, failed: 0, skipped: 0 });
  assert.deepEqual(countsIn("roost: the installation is not complete.\n"), { passed: 0, failed: 1, skipped: 0 });
});
