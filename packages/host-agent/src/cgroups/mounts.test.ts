import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readCgroupMounts } from "./mounts.ts";

test("trees of control groups are found wherever they are mounted, and other mounts are not", async () => {
  const folder = await mkdtemp(join(tmpdir(), "roost-mounts-"));
  await using _removed = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const unified = join(folder, "cgroup two");
  await mkdir(unified);
  await writeFile(join(unified, "cgroup.controllers"), "cpuset cpu io memory pids\n");
  const mountinfo = join(folder, "mountinfo");
  await writeFile(
    mountinfo,
    `23 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 23 0:28 / ${unified.replace(" ", "\\040")} rw,nosuid shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate
32 31 0:29 /docker/x /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
37 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
`,
  );
  assert.deepEqual(await readCgroupMounts(mountinfo), [
    { version: 2, path: unified, controllers: new Set(["cpuset", "cpu", "io", "memory", "pids"]) },
    { version: 1, path: "/sys/fs/cgroup/cpu,cpuacct", controllers: new Set(["rw", "cpu", "cpuacct"]) },
    { version: 1, path: "/sys/fs/cgroup/systemd", controllers: new Set(["rw", "name=systemd"]) },
  ]);
});
