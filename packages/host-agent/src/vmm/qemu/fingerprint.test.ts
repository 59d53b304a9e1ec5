import assert from "node:assert/strict";
import { test } from "node:test";
import type { VmmFingerprint } from "../vmm.ts";
import { whyNoWake } from "./fingerprint.ts";

const HERE: VmmFingerprint = {
  name: "qemu",
  version: "7.2",
  accelerator: "tcg",
  machine: "microvm-1",
  cpu: "max",
  tscKhz: 2_500_000,
};

test("what was frozen by the like wakes; the version is not looked at, and clocks may be measured a little differently", () => {
  assert.equal(whyNoWake(HERE, HERE), undefined);
  assert.equal(whyNoWake(HERE, { ...HERE, version: "10.0", tscKhz: 2_500_200 }), undefined);
});

for (const [what, change, words] of [
  ["another VMM", { name: "firecracker" }, /frozen by firecracker/],
  ["another accelerator", { accelerator: "kvm", tscKhz: null }, /under KVM, and this host runs TCG/],
  ["other devices", { machine: "microvm-0" }, /devices/],
  ["another CPU", { cpu: "host: Other" }, /“host: Other”/],
  ["another clock", { tscKhz: 3_000_000 }, /3000000 kHz/],
] as const) {
  test(`what was frozen with ${what} is refused with the reason`, () => {
    assert.match(whyNoWake(HERE, { ...HERE, ...change }) ?? "", words);
  });
}
