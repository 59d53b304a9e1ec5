/** The whole benchmark once through, as a user starts it; what its numbers are is not looked at. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { CHECKOUT } from "@roost/launcher/settings";
import type { BenchResult } from "./report/result.ts";
import { ROW_IDS } from "./rows.ts";

test("one round of every row comes to its end, prints them all and draws them", async () => {
  const main = join(import.meta.dirname, "main.ts");
  const run = promisify(execFile)(process.execPath, [main, "--rounds", "1", "--json"], { maxBuffer: 16 * 1024 * 1024 });
  const result = JSON.parse((await run).stdout) as BenchResult;
  const files = ["json", "svg"].map((ending) =>
    join(CHECKOUT, "bench", "results", `${result.at.replace(/[:.]/g, "-")}.${ending}`),
  );
  try {
    assert.deepEqual(
      result.rows.map(({ id }) => id),
      ROW_IDS,
    );
    for (const { id, ratio } of result.rows) assert(Number.isFinite(ratio) && ratio > 0, id);
    const [kept = "", drawn = ""] = await Promise.all(files.map((file) => readFile(file, "utf8")));
    assert.deepEqual(JSON.parse(kept), result);
    assert.match(drawn, /^<svg /);
  } finally {
    await Promise.all(files.map((file) => rm(file, { force: true })));
  }
});
