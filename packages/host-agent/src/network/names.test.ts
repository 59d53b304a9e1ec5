import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddressRange } from "./address-range.ts";
import { slotIndex, slotName, tableName } from "./names.ts";

test("a slot's name says whose it is and which, and fits a link's name in the largest range", () => {
  const last = parseAddressRange("10.208.0.0/12").capacity - 1;
  assert.ok(slotName("ab2d", last).length <= 15);
  for (const index of [0, 7, last]) assert.equal(slotIndex("ab2d", slotName("ab2d", index)), index);
});

test("another host's names, and what only looks like ours, are not ours", () => {
  for (const name of ["rab2e-1", "rab2d-", "rab2d-01", "rab2d-1x", "rab2d-1-2", "xrab2d-1", "rab2d", "eth0"]) {
    assert.equal(slotIndex("ab2d", name), undefined, name);
  }
});

test("a mark that could stand for other names, or for nft's syntax, is a programmer's mistake", () => {
  for (const mark of ["", "ab2", "ab2de", "AB2D", 'a";x', "ab-d", "ab1d"])
    assert.throws(() => tableName(mark), TypeError);
});
