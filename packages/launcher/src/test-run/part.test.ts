import assert from "node:assert/strict";
import { test } from "node:test";
import { add, countsLine, NOTHING } from "./part.ts";

test("the last line is plain, and speaks of skipped tests only when there are some", () => {
  assert.equal(countsLine(NOTHING), "0 passed, 0 failed");
  assert.equal(
    countsLine(add({ passed: 1, failed: 2, skipped: 0 }, { passed: 3, failed: 0, skipped: 4 })),
    "4 passed, 2 failed, 4 skipped",
  );
});
