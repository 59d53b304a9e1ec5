import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { formatBytes, formatMemory, formatSpan } from "./amounts.ts";
import { paintFor } from "./paint.ts";
import { printable, printableLines } from "./printable.ts";
import { relativeTime } from "./relative-time.ts";
import { formatFacts, formatTable } from "./table.ts";

const NOW = new Date("2025-06-01T12:00:00Z");
const plain = (_colour: string, text: string): string => text;

test("moments are said as people say them", () => {
  const ago = (seconds: number): string => relativeTime(new Date(NOW.getTime() - seconds * 1000), NOW);
  assert.deepEqual(
    [-60, 0, 1, 59, 60, 179, 180, 3600, 86_399, 86_400, 7 * 86_400, 45 * 86_400, 800 * 86_400].map(ago),
    [
      "just now",
      "just now",
      "1 second ago",
      "59 seconds ago",
      "1 minute ago",
      "2 minutes ago",
      "3 minutes ago",
      "1 hour ago",
      "23 hours ago",
      "1 day ago",
      "1 week ago",
      "1 month ago",
      "2 years ago",
    ],
  );
});

test("sizes and spans are said as people say them", () => {
  assert.deepEqual([0, 1023, 1024, 1536, 104_857_600, 5e13].map(formatBytes), [
    "0 B",
    "1023 B",
    "1.0 KB",
    "1.5 KB",
    "100 MB",
    "45.5 TB",
  ]);
  assert.deepEqual([128, 1024, 1536, 4096, 24_105].map(formatMemory), ["128 MB", "1 GB", "1536 MB", "4 GB", "23.5 GB"]);
  assert.deepEqual([42, 4249, 59_949, 72_500].map(formatSpan), ["0.0 s", "4.2 s", "59.9 s", "1 min 12 s"]);
});

test("N4: nothing from elsewhere can steer the terminal", () => {
  assert.equal(printable("a\x1b[31mb\x07\r\n\x9b\u202ec\u2066"), "a\\x1b[31mb\\x07\\x0d\\x0a\\x9b\\u202ec\\u2066");
  assert.equal(printable("grüße 漢字 🦜"), "grüße 漢字 🦜");
  assert.equal(printableLines("a\r\nb\tc\rd\x1b]0;x\x07\n"), "a\nb\tc\\x0dd\\x1b]0;x\\x07\n");
});

test("a table is aligned, whatever its cells hold", () => {
  const columns = [
    { title: "NAME", text: (row: readonly string[]) => row[0] ?? "" },
    { title: "SIZE", text: (row: readonly string[]) => row[1] ?? "", align: "right" as const },
    { title: "NOTE", text: (row: readonly string[]) => row[2] ?? "" },
  ];
  const rows = [
    ["a", "5", "first"],
    ["grüße\n", "1024", ""],
  ];
  assert.equal(
    formatTable(columns, rows, plain),
    ["NAME        SIZE   NOTE\n", "a              5   first\n", "grüße\\x0a   1024\n"].join(""),
  );
  assert.equal(formatTable(columns, [], plain), "NAME   SIZE   NOTE\n");
  assert.equal(
    formatFacts(
      [
        ["id", "x"],
        ["status", "on\x1b"],
      ],
      plain,
    ),
    "id       x\nstatus   on\\x1b\n",
  );
});

test("colours are for terminals, and for those who want them", () => {
  const stream = (isTTY: boolean): PassThrough & { isTTY: boolean } => Object.assign(new PassThrough(), { isTTY });
  const red = (isTTY: boolean, env: Record<string, string>): string => paintFor(stream(isTTY), env)("red", "x");
  assert.equal(red(true, { TERM: "xterm" }), "\x1b[31mx\x1b[39m");
  assert.equal(red(false, { TERM: "xterm" }), "x");
  assert.equal(red(true, { TERM: "xterm", NO_COLOR: "1" }), "x");
  assert.equal(red(true, { TERM: "dumb" }), "x");
});
