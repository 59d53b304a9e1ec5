import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommandLine, USAGE } from "./command-line.ts";
import { LAB_USAGE } from "./commands/lab-action.ts";

test("commands and their flags", () => {
  assert.deepEqual(parseCommandLine(["up", "--json", "--detach"]), { name: "up", detach: true, json: true });
  assert.deepEqual(parseCommandLine(["down"]), { name: "down" });
  assert.deepEqual(parseCommandLine(["test"]), { name: "test", scope: "usual", files: [] });
  assert.deepEqual(parseCommandLine(["test", "--all"]), { name: "test", scope: "all", files: [] });
  assert.deepEqual(parseCommandLine(["test", "a.test.ts"]), { name: "test", scope: "usual", files: ["a.test.ts"] });
  for (const args of [[], ["help"], ["--help"], ["-h"], ["up", "--help"], ["test", "-h"]]) {
    assert.deepEqual(parseCommandLine(args), { name: "help", text: USAGE });
  }
});

test("administration takes what follows as it is; backup and restore one file", () => {
  const args = ["create", "--email", "a@b.c", "--help"];
  assert.deepEqual(parseCommandLine(["admin", ...args]), { name: "admin", args });
  assert.deepEqual(parseCommandLine(["backup", "a.backup"]), { name: "backup", file: "a.backup" });
  assert.deepEqual(parseCommandLine(["restore", "a.backup"]), { name: "restore", file: "a.backup" });
  for (const bad of [["backup"], ["backup", "a", "b"], ["restore", "--force"]]) {
    assert.throws(() => parseCommandLine(bad), { name: "LauncherFailure" });
  }
});

test("what is done with a lab", () => {
  const action = (...args: string[]) => {
    const command = parseCommandLine(["lab", ...args]);
    return command.name === "lab" ? command.action : command;
  };
  assert.deepEqual(action("up"), { do: "up", hosts: 1 });
  assert.deepEqual(action("up", "2"), { do: "up", hosts: 2 });
  assert.deepEqual(action("cut", "2"), { do: "cut", host: 2 });
  assert.deepEqual(action("run", "1", "--", "ls", "--help"), { do: "run", host: 1, argv: ["ls", "--help"] });
  assert.deepEqual(action("cp", "a", "1:/b"), { do: "cp", host: 1, inside: "/b", outside: "a", way: "in" });
  assert.deepEqual(action("cp", "1:/b", "a"), { do: "cp", host: 1, inside: "/b", outside: "a", way: "out" });
  assert.deepEqual(action("--help"), { name: "help", text: LAB_USAGE });
  for (const args of [
    ["up", "0"],
    ["sh", "x"],
    ["run", "1", "ls"],
    ["cp", "a", "b"],
    ["cp", "1:/a", "2:/b"],
    ["fly"],
  ]) {
    assert.throws(() => action(...args), { name: "LauncherFailure" });
  }
});

test("what is not known is refused, and says where to look", () => {
  for (const args of [["up", "--deatch"], ["up", "now"], ["down", "--force"], ["test", "--all", "--lab"], ["fly"]]) {
    assert.throws(() => parseCommandLine(args), { name: "LauncherFailure" });
  }
});
