import assert from "node:assert/strict";
import { test } from "node:test";
import { commandLine, type QemuMachine } from "./command-line.ts";

const machine: QemuMachine = {
  accelerator: "tcg",
  cpu: "max",
  vcpus: 2,
  memoryMb: 512,
  incoming: false,
  disk: {
    sizeBytes: 1 << 30,
    files: [
      { source: "/elsewhere/rootfs.ext4", format: "raw", readOnly: true },
      { source: "/elsewhere/disk.qcow2", format: "qcow2", readOnly: false },
    ],
  },
  tscKhz: 2_500_000,
};

function valuesOf(option: string, words: readonly string[]): string[] {
  return words.filter((_, index) => words[index - 1] === option);
}

test("the machine sees its disk at one path, wherever the sandbox's files are (S7)", () => {
  const words = commandLine(machine);
  assert(!words.join(" ").includes("/elsewhere"));
  const nodes = valuesOf("-blockdev", words).map((text) => JSON.parse(text));
  assert.deepEqual(
    nodes.map(({ file }) => file.filename),
    ["/vm/disk.0", "/vm/disk.1"],
  );
});

test("the base is opened read-only, and the layer's backing is told, not read from the guest's file", () => {
  const [base, layer] = valuesOf("-blockdev", commandLine(machine)).map((text) => JSON.parse(text));
  assert.equal(base["read-only"], true);
  assert.equal(base.file["read-only"], true);
  assert.equal(layer.backing, base["node-name"]);
  assert.equal(layer.driver, "qcow2");
});

test("only a guest under TCG is told the clock's rate", () => {
  const append = (words: string[]): string => valuesOf("-append", words)[0] ?? "";
  assert.match(append(commandLine(machine)), /tsc_early_khz=2500000/);
  assert.doesNotMatch(append(commandLine({ ...machine, accelerator: "kvm", tscKhz: undefined })), /tsc_early_khz/);
});
