import assert from "node:assert/strict";
import { test } from "node:test";
import { dependenciesOf, fieldOf } from "./package-fields.ts";

const DESCRIPTION = `Package: linux-image-cloud-amd64
Version: 6.1.192-2
Depends: linux-image-6.1.0-51-cloud-amd64 (= 6.1.192-2),
 kmod | other:any,
 libc6 (>= 2.36)
Description: Linux for cloud

Package: linux-image-cloud-amd64
Version: 6.1.176-1
`;

test("a field is read from the first paragraph, folded lines joined", () => {
  assert.equal(fieldOf(DESCRIPTION, "version"), "6.1.192-2");
  assert.equal(
    fieldOf(DESCRIPTION, "Depends"),
    "linux-image-6.1.0-51-cloud-amd64 (= 6.1.192-2), kmod | other:any, libc6 (>= 2.36)",
  );
  assert.equal(fieldOf(DESCRIPTION, "Pre-Depends"), undefined);
});

test("dependencies lose versions, architectures and alternatives", () => {
  assert.deepEqual(dependenciesOf(fieldOf(DESCRIPTION, "Depends") ?? ""), [
    "linux-image-6.1.0-51-cloud-amd64",
    "kmod",
    "libc6",
  ]);
  assert.deepEqual(dependenciesOf("libstdc++6 (>= 13), perl:any"), ["libstdc++6", "perl"]);
  assert.deepEqual(dependenciesOf(""), []);
});
