import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseRootDisk } from "./choose.ts";

test("D5: without device-mapper root disks are qcow2 layers, and asking for the other is refused in words", () => {
  assert.equal(chooseRootDisk("auto", "/assets").name, "qcow2");
  assert.equal(chooseRootDisk("qcow2", "/assets").name, "qcow2");
  assert.throws(() => chooseRootDisk("device-mapper", "/assets"), { code: "invalid_request", message: /ROOST_DISK/ });
});
