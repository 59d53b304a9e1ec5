import assert from "node:assert/strict";
import { test } from "node:test";
import { cargoCounts } from "./native-tests.ts";

test("cargo's result lines are added up, over all its test programs", () => {
  const lines = [
    "running 2 tests",
    "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s",
    "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
  ];
  assert.deepEqual(cargoCounts(lines), { passed: 15, failed: 2, skipped: 1 });
  assert.deepEqual(cargoCounts([]), { passed: 0, failed: 0, skipped: 0 });
});
