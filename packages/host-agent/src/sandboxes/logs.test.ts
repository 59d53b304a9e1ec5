import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readLogs } from "./logs.ts";

test("of each log the asked-for end is read, and a log that is not there is empty", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "roost-logs-"));
  await writeFile(join(folder.path, "console.log"), "0123456789");
  const part = await readLogs(folder.path, 4);
  assert.equal(part.console.toString(), "6789");
  assert.equal(part.vmm.length, 0);
  const whole = await readLogs(folder.path, 0);
  assert.equal(whole.console.toString(), "0123456789");
});
