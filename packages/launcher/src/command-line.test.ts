import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommandLine } from "./command-line.ts";

test("commands and their flags", () => {
  assert.deepEqual(parseCommandLine(["up", "--json", "--detach"]), { name: "up", detach: true, json: true });
  assert.deepEqual(parseCommandLine(["down"]), { name: "down" });
  assert.deepEqual(parseCommandLine(["test"]), { name: "test", scope: "usual", files: [] });
  assert.deepEqual(parseCommandLine(["test", "--all"]), { name: "test", scope: "all", files: [] });
  assert.deepEqual(parseCommandLine(["test", "a.test.ts"]), { name: "test", scope: "usual", files: ["a.test.ts"] });
  for (const args of [[], ["help"], ["--help"], ["-h"], ["up", "--help"], ["test", "-h"]]) {
    assert.deepEqual(parseCommandLine(args), { name: "help" });
  }
});

test("what is not known is refused, and says where to look", () => {
  for (const args of [["up", "--deatch"], ["up", "now"], ["down", "--force"], ["test", "--all", "--lab"], ["fly"]]) {
    assert.throws(() => parseCommandLine(args), { name: "LauncherFailure" });
  }
});
