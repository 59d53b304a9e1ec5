import assert from "node:assert/strict";
import { test } from "node:test";
import { deriveKey } from "./derive.ts";

test("each purpose has a key of its own, and the same one every time", () => {
  const secret = Buffer.from("0123456789abcdef0123456789abcdef");
  const purposes = ["session-token", "host-token", "certificate-authority-key"] as const;
  const keys = purposes.map((purpose) => Buffer.from(deriveKey(secret, purpose)).toString("hex"));
  assert.equal(new Set(keys).size, purposes.length);
  // A changed derivation would lock every host of every install out.
  assert.equal(keys[0], "06c83bbec39c00a9f276586a4c92ba78ac80f303443e1f586dfd43695309feba");
  assert.notEqual(Buffer.from(deriveKey(Buffer.from("another secret"), "session-token")).toString("hex"), keys[0]);
});
