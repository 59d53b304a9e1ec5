import assert from "node:assert/strict";
import { test } from "node:test";
import { phasesOf } from "./agent-phases.ts";
import { adaptedCommandLine } from "./floor/command-line.ts";
import { measure, type OperationPhases } from "./measure.ts";
import { parseOptions } from "./options.ts";
import { ROW_IDS, ROWS } from "./rows.ts";
import { median } from "./samples.ts";
import { shares } from "./scenarios/guest-memory.ts";
import { SCENARIOS } from "./scenarios/scenarios.ts";

test("Roost and its floor take turns, and what warms up does not count", async () => {
  const order: string[] = [];
  let [roost, floor, round] = [0, 100, 0];
  const logged: OperationPhases[] = [
    { operation: "create", milliseconds: { total: 1 } },
    { operation: "destroy", milliseconds: { total: 2 } },
  ];
  const found = await measure(
    {
      roost: async () => {
        order.push("roost");
        return { create: roost++, pause: 7 };
      },
      floor: async () => {
        order.push("floor");
        return { create: floor++, pause: 7 };
      },
      async [Symbol.asyncDispose]() {},
    },
    new Map([["create", ["create"]]]),
    {
      warmUps: 1,
      rounds: 2,
      newPhases: async () => (order.at(-1) === "floor" ? logged : []),
      onRound: (number) => {
        round = number;
      },
      signal: new AbortController().signal,
    },
  );
  assert.deepEqual(order, ["roost", "floor", "roost", "floor", "roost", "floor"]);
  assert.equal(round, 2);
  const samples = found.get("create");
  assert.deepEqual(
    [samples?.roost, samples?.floor],
    [
      [1, 2],
      [101, 102],
    ],
  );
  assert.deepEqual(samples?.phases, [logged[0], logged[0]]);
  assert.equal(found.size, 1, "only what was asked for");
});

test("the median of an even count lies between the middle two", () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 3, 2]), median([5])], [2, 2.5, 5]);
  assert.throws(() => median([]), RangeError);
});

test("every row is measured by one scenario", () => {
  const measured = SCENARIOS.flatMap(({ rows }) => rows);
  assert.deepEqual(measured.toSorted(), [...ROW_IDS].sort());
  for (const id of ROW_IDS) assert.equal(ROWS[id].id, id);
});

test("rows, rounds and JSON are asked for by options; what is wrong is told", () => {
  assert.deepEqual(parseOptions([]), { rows: ROW_IDS, rounds: 10, json: false });
  const asked = parseOptions(["--only", "pause,boot", "--only", "push", "--rounds", "3", "--json"]);
  assert.deepEqual(asked, { rows: ["boot", "pause", "push"], rounds: 3, json: true });
  assert.throws(() => parseOptions(["--only", "flight"]), /"flight" is no row/);
  for (const rounds of ["0", "x", "-1"]) assert.throws(() => parseOptions([`--rounds=${rounds}`]), /--rounds/);
  assert.throws(() => parseOptions(["--slow"]));
});

test("phases are read from the agent's lines, and nothing from others", () => {
  assert.deepEqual(phasesOf('{"level":30,"msg":"resume","disk_ms":1.5,"total_ms":9,"sandbox":"sb"}'), [
    { operation: "resume", milliseconds: { disk: 1.5, total: 9 } },
  ]);
  for (const line of ["", "a warning of Node", '{"msg":"ready"}', "null"]) assert.deepEqual(phasesOf(line), []);
});

test("a guest's memory is told from the VMM's own mappings around it", () => {
  const mapping = (range: string, name: string, pss: number) =>
    `${range} rw-p 0 00:00 1 ${name}\nSize: 4 kB\nPss: ${pss} kB\n`;
  const smaps = [
    mapping("10000000-10200000", "/usr/lib/one.so", 100),
    mapping("20000000-20080000", "", 512),
    mapping("20080000-20100000", "/elsewhere/0a.layer", 1024),
    mapping("20100000-20180000", "", 7),
    mapping("30000000-30100000", "", 2048),
  ].join("");
  assert.deepEqual(shares(smaps, 1), { guest: 1.5, own: (100 + 7 + 2048) / 1024 });
  assert.throws(() => shares(smaps, 3), /no memory of 3 MiB/);
});

test("a command line by hand differs from Roost's in its disks and in whether it waits", () => {
  const own = ["qemu", "-nodefaults", "-m", "512M", "-blockdev", "{}", "-blockdev", "{}"];
  own.push(
    "-device",
    "virtio-blk-device,drive=disk1",
    "-device",
    "virtio-net-device",
    "-incoming",
    "defer",
    "-qmp",
    "unix:q",
  );
  const words = adaptedCommandLine(own, 0, true);
  assert.equal(words.filter((word) => word === "-blockdev").length, 2);
  assert.deepEqual(words.slice(0, 5), ["qemu", "-nodefaults", "-m", "512M", "-blockdev"]);
  assert.deepEqual(words.slice(8), own.slice(8));
  const booting = adaptedCommandLine(own, 2, false);
  assert(!booting.includes("-incoming"));
  assert(booting.includes("virtio-blk-device,drive=disk3"));
});
