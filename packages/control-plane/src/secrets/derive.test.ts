import assert from "node:assert/strict";
import { test } from "node:test";
import { deriveKey } from "./derive.ts";

test("each purpose has a key of its own, and the same one every time", () => {
  const secret = Buffer.from("0123456789abcdef0123456789abcdef");
  const purposes = ["host-token", "certificate-authority-key", "session-token/one", "session-token/two"] as const;
  const keys = purposes.map((purpose) => Buffer.from(deriveKey(secret, purpose)).toString("hex"));
  assert.equal(new Set(keys).size, purposes.length);
  // A changed derivation would lock every host of every install out.
  assert.equal(keys[0], "6297fe785bb23b96125ded141305392241ac5723e84a2a78f4d45922ff5212d6");
  assert.notEqual(Buffer.from(deriveKey(Buffer.from("another secret"), "host-token")).toString("hex"), keys[0]);
});
