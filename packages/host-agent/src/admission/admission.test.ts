import assert from "node:assert/strict";
import { test } from "node:test";
import { Admission, type AdmissionOptions } from "./admission.ts";

const HOST: AdmissionOptions = { memoryMb: 4000, overheadMb: 100, cpuCores: 2, slots: 100, diskFreeMb: () => 50_000.7 };

test("a sandbox has room until the memory of all, with what their VMMs take, is used up; then it is no_capacity in numbers", () => {
  const admission = new Admission(HOST);
  admission.reserve("a", { vcpus: 1, memoryMb: 1900 });
  admission.reserve("b", { vcpus: 1, memoryMb: 1400 });
  assert.throws(() => admission.reserve("c", { vcpus: 1, memoryMb: 512 }), {
    code: "no_capacity",
    message: /needs 612 MB of memory \(512 for the guest, 100 for its VMM\), 500 MB are free/,
  });
  admission.reserve("c", { vcpus: 1, memoryMb: 400 });
  assert.throws(() => admission.reserve("d", { vcpus: 1, memoryMb: 1 }), {
    code: "no_capacity",
    message: / 0 MB are free/,
  });
});

test("what was refused is not counted, what was released serves again, and releasing twice frees once", () => {
  const admission = new Admission(HOST);
  admission.reserve("a", { vcpus: 1, memoryMb: 3000 });
  assert.throws(() => admission.reserve("b", { vcpus: 1, memoryMb: 3000 }));
  assert.deepEqual(admission.load(), { sandboxes: 1, vcpus: 1, memory_mb: 3100, disk_free_mb: 50_000 });
  admission.release("a");
  admission.release("a");
  admission.release("never");
  assert.deepEqual(admission.load(), { sandboxes: 0, vcpus: 0, memory_mb: 0, disk_free_mb: 50_000 });
  admission.reserve("b", { vcpus: 1, memoryMb: 3900 });
});

test("vCPUs may be more than cores, within reason", () => {
  const admission = new Admission(HOST);
  admission.reserve("a", { vcpus: 30, memoryMb: 128 });
  assert.throws(() => admission.reserve("b", { vcpus: 3, memoryMb: 128 }), {
    code: "no_capacity",
    message: /needs 3 vCPUs, 2 are free/,
  });
  admission.reserve("b", { vcpus: 2, memoryMb: 128 });
});

test("without a margin on the disk there is no room", () => {
  const admission = new Admission({ ...HOST, diskFreeMb: () => 1000 });
  const message = /needs 1024 MB of disk, 1000 MB are free/;
  assert.throws(() => admission.reserve("a", { vcpus: 1, memoryMb: 128 }), { code: "no_capacity", message });
});

test("without a free slot there is no room", () => {
  const admission = new Admission({ ...HOST, slots: 1 });
  admission.reserve("a", { vcpus: 1, memoryMb: 128 });
  assert.throws(() => admission.reserve("b", { vcpus: 1, memoryMb: 128 }), { code: "no_capacity", message: /slots/ });
});

test("one sandbox has one reservation", () => {
  const admission = new Admission(HOST);
  admission.reserve("a", { vcpus: 1, memoryMb: 128 });
  assert.throws(() => admission.reserve("a", { vcpus: 1, memoryMb: 128 }), { code: "conflict" });
  assert.equal(admission.load().sandboxes, 1);
});

test("sandboxes found at start count, also beyond what there is room for", () => {
  const admission = new Admission(HOST);
  admission.adopt("a", { vcpus: 40, memoryMb: 8000 });
  assert.equal(admission.load().memory_mb, 8100);
  assert.throws(() => admission.reserve("b", { vcpus: 1, memoryMb: 1 }), {
    code: "no_capacity",
    message: / 0 MB are free/,
  });
});

test("what takes only what nobody needs is not told of, and gives way to a sandbox that needs the room, but to nothing like itself", () => {
  const admission = new Admission(HOST);
  let asked = 0;
  const giveWay = () => void asked++;
  admission.reserve("spare", { vcpus: 1, memoryMb: 1900, giveWay });
  assert.deepEqual(admission.load(), { sandboxes: 0, vcpus: 0, memory_mb: 0, disk_free_mb: 50_000 });
  admission.reserve("a", { vcpus: 1, memoryMb: 1900 });
  assert.equal(asked, 0, "there was room for both");
  assert.throws(() => admission.reserve("other", { vcpus: 1, memoryMb: 128, giveWay }), { code: "no_capacity" });
  assert.throws(() => admission.reserve("b", { vcpus: 1, memoryMb: 2500 }), { code: "no_capacity" });
  assert.equal(asked, 0, "it would not have been enough");
  admission.reserve("b", { vcpus: 1, memoryMb: 1900 });
  assert.equal(asked, 1);
  admission.release("spare");
  assert.equal(admission.load().sandboxes, 2);
});
