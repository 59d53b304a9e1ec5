import assert from "node:assert/strict";
import { test } from "node:test";
import { collectAssignment, toEnvironment, toMetadata } from "./assignments.ts";
import { parseDuration } from "./duration.ts";
import { separateCommand } from "./exec-arguments.ts";
import { parseMemory } from "./memory.ts";
import { parsePlace } from "./place.ts";

test("memory is written as people write it, and is in MiB", () => {
  const amounts = ["512", "512M", "512mb", "512MiB", "1.5G", "2GB"].map(parseMemory);
  assert.deepEqual(amounts, [512, 512, 512, 512, 1536, 2048]);
  for (const text of ["", "0", "-1", "M", "1T", "0.3M", "1e3", "9".repeat(30)]) {
    assert.throws(() => parseMemory(text), { code: "commander.invalidArgument" }, text);
  }
});

test("times are written as people write them, and are in seconds", () => {
  assert.deepEqual(["0", "90", "90s", "5m", "2h"].map(parseDuration), [0, 90, 90, 300, 7200]);
  for (const text of ["", "s", "-1", "1.5m", "1d", "9".repeat(30)]) {
    assert.throws(() => parseDuration(text), { code: "commander.invalidArgument" }, text);
  }
});

test("assignments keep their order and everything after the first equals sign", () => {
  const given = ["A=1", "B==x\ny", "C=", "__proto__=z"].reduce<ReturnType<typeof collectAssignment>>(
    (before, text) => collectAssignment(text, before),
    [],
  );
  assert.deepEqual(Object.entries(toEnvironment(given, {}) ?? {}), [
    ["A", "1"],
    ["B", "=x\ny"],
    ["C", ""],
    ["__proto__", "z"],
  ]);
  assert.throws(() => collectAssignment("=x"), { code: "commander.invalidArgument" });
});

test("a variable without a value has the value it has here; metadata must have one", () => {
  assert.deepEqual(toEnvironment(collectAssignment("TOKEN"), { TOKEN: "secret" }), { TOKEN: "secret" });
  assert.throws(() => toEnvironment(collectAssignment("TOKEN"), {}), /TOKEN is not set here/);
  assert.throws(() => toMetadata(collectAssignment("owner")), /has no value/);
  assert.equal(toEnvironment(undefined, {}), undefined);
});

test("the two ends of a copy are told apart as docker does", () => {
  assert.deepEqual(parsePlace("sb-abc:/a:b"), { kind: "remote", sandbox: "sb-abc", path: "/a:b" });
  assert.deepEqual(parsePlace("abc:notes"), { kind: "remote", sandbox: "abc", path: "notes" });
  for (const path of ["notes.txt", "/a:b", "./abc:notes", "../x", "A:b"]) {
    assert.deepEqual(parsePlace(path), { kind: "local", path });
  }
  assert.deepEqual(parsePlace("-"), { kind: "standard" });
  assert.throws(() => parsePlace("sb-abc:"), /names no path/);
});

test("all from the command on belongs to the command, with and without a --", () => {
  const takesValue = (option: string): boolean => ["-e", "--env", "--url", "-u"].includes(option);
  const separate = (line: string): string => separateCommand(line.split(" "), takesValue).join(" ");
  for (const [typed, meant] of [
    ["exec sb bash -i", "exec sb -- bash -i"],
    ["exec -i sb bash -i", "exec -i sb -- bash -i"],
    ["exec sb -i bash -i", "exec sb -i -- bash -i"],
    ["exec -e A=b sb env -e x", "exec -e A=b sb -- env -e x"],
    ["exec -eA=b sb env", "exec -eA=b sb -- env"],
    ["exec -ie A=b sb env", "exec -ie A=b sb -- env"],
    ["exec --env=A sb env", "exec --env=A sb -- env"],
    ["--url http://x --json exec --env A sb env --json", "--url http://x --json exec --env A sb -- env --json"],
    ["exec sb -- env -- x", "exec sb -- env -- x"],
    ["exec sb env -- x", "exec sb -- env -- x"],
    ["exec sb - x", "exec sb -- - x"],
    ["exec sb", "exec sb"],
    ["exec --help", "exec --help"],
    ["cp exec sb x -y", "cp exec sb x -y"],
    ["ls -a", "ls -a"],
  ] as const) {
    assert.equal(separate(typed), meant);
  }
});
