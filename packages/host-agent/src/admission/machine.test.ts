import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { freeDiskMb, memoryForSandboxes, totalMemoryMb } from "./machine.ts";

const MB = 1024 * 1024;

test("the host keeps the larger of 1 GiB and a tenth of its memory, or what it is told to keep", () => {
  assert.equal(memoryForSandboxes(8192, undefined), 7168);
  assert.equal(memoryForSandboxes(65_536, undefined), 65_536 - 6554);
  assert.equal(memoryForSandboxes(8192, 512), 7680);
  assert.equal(memoryForSandboxes(8192, 0), 8192);
  assert.equal(memoryForSandboxes(900, undefined), 0);
});

test("this machine's memory is what the kernel says, at most", async () => {
  const total = await totalMemoryMb();
  assert.ok(total > 0 && total <= totalmem() / MB, `${total}`);
});

/** A machine of 16000 MB as its files tell it. */
async function machine(files: Record<string, string>) {
  const root = await mkdtemp(join(tmpdir(), "roost-machine-"));
  const all = { "proc/meminfo": "MemTotal:       16384000 kB\nMemFree: 1 kB\n", ...files };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return {
    total: () => totalMemoryMb(join(root, "proc"), join(root, "cgroup")),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

test("a container's limit is the memory there is: its own group's, or one above, on v2 and on v1", async () => {
  const cases: [files: Record<string, string>, expected: number][] = [
    [{}, 16_000],
    [{ "proc/self/cgroup": "0::/\n", "cgroup/memory.max": `${2048 * MB}\n` }, 2048],
    [{ "proc/self/cgroup": "0::/a/b\n", "cgroup/a/memory.max": `${512 * MB}`, "cgroup/a/b/memory.max": "max\n" }, 512],
    [
      { "proc/self/cgroup": "4:memory:/docker/x\n", "cgroup/memory/docker/x/memory.limit_in_bytes": `${256 * MB}` },
      256,
    ],
    [{ "proc/self/cgroup": "4:cpu,memory:/\n", "cgroup/memory/memory.limit_in_bytes": "9223372036854771712" }, 16_000],
  ];
  for (const [files, expected] of cases) {
    await using it = await machine(files);
    assert.equal(await it.total(), expected, JSON.stringify(files));
  }
});

test("a machine that does not tell its memory is an error, not a machine without limits", async () => {
  await using it = await machine({ "proc/meminfo": "nothing\n" });
  await assert.rejects(it.total(), { code: "internal" });
});

test("free disk is what an ordinary program may still write", () => {
  assert.ok(freeDiskMb(tmpdir()) > 0);
});
