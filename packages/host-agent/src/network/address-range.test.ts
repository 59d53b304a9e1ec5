import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { overlaps, parseAddress, parseAddressRange, slotAddresses } from "./address-range.ts";

test("slots have neighbouring pairs of addresses, from the first of the range to the last", () => {
  const range = parseAddressRange("10.213.0.0/16");
  assert.equal(range.capacity, 32_768);
  assert.deepEqual(slotAddresses(range, 0), { host: "10.213.0.0", slot: "10.213.0.1" });
  assert.deepEqual(slotAddresses(range, 128), { host: "10.213.1.0", slot: "10.213.1.1" });
  assert.deepEqual(slotAddresses(range, 32_767), { host: "10.213.255.254", slot: "10.213.255.255" });
  for (const index of [-1, 0.5, 32_768]) assert.throws(() => slotAddresses(range, index), RangeError);
});

test("ranges beyond the half of all addresses are right, too", () => {
  const range = parseAddressRange("203.0.113.252/30");
  assert.deepEqual([range.first, range.last, range.capacity], [3_405_804_028, 3_405_804_031, 2]);
  assert.deepEqual(slotAddresses(range, 1), { host: "203.0.113.254", slot: "203.0.113.255" });
});

test("what is no range is refused in words that name the setting", () => {
  for (const text of [
    "",
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/31",
    "10.0.0.0/8",
    "10.0.0/16",
    "fd00::/16",
    "a/16",
    "10.0.0.0/16/1",
    "010.0.0.0/16",
  ]) {
    assert.throws(() => parseAddressRange(text), { code: "invalid_request", message: /ROOST_SLOT_CIDR/ }, text);
  }
  assert.throws(() => parseAddressRange("10.213.7.9/16"), { message: /10\.213\.7\.9\/16 should be 10\.213\.0\.0\/16/ });
});

test("networks overlap exactly when they share an address", () => {
  const range = parseAddressRange("10.213.0.0/16");
  for (const network of ["10.0.0.0/8", "10.213.4.0/24", "10.213.255.255", "10.213.0.0/16", "0.0.0.0/0"]) {
    assert.ok(overlaps(range, network), network);
  }
  for (const network of ["10.212.0.0/16", "10.214.0.0", "192.168.0.0/16", "default", "fe80::/64"]) {
    assert.ok(!overlaps(range, network), network);
  }
});

test("no two slots of a range share an address, and all lie within it", () => {
  const ranges = fc.tuple(fc.integer({ min: 12, max: 30 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
  fc.assert(
    fc.property(ranges, fc.nat(), fc.nat(), ([prefix, seed], left, right) => {
      const size = 2 ** (32 - prefix);
      const first = seed - (seed % size);
      const dotted = [24, 16, 8, 0].map((shift) => (first >>> shift) & 255).join(".");
      const range = parseAddressRange(`${dotted}/${prefix}`);
      const pair = (index: number) => Object.values(slotAddresses(range, index % range.capacity)).map(parseAddress);
      const [one, other] = [pair(left), pair(right)];
      assert.ok(
        [...one, ...other].every((address) => address !== undefined && address >= first && address < first + size),
      );
      if (left % range.capacity !== right % range.capacity) assert.equal(new Set([...one, ...other]).size, 4);
    }),
  );
});
