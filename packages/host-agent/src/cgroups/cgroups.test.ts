/** On the control groups that this machine has; where they are of version 1, also on its version 2 tree, without its controllers. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { type Cgroup, type CgroupLimits, type Cgroups, openCgroups } from "./cgroups.ts";
import { CgroupFolders } from "./folders.ts";
import { readCgroupMounts } from "./mounts.ts";
import { CgroupsV2 } from "./v2.ts";

const logger = pino({ level: "silent" });
const LIMITS: CgroupLimits = { memoryBytes: 64 * 1024 * 1024, cpus: 0.5, pids: 24 };

const unified = (await readCgroupMounts("/proc/self/mountinfo")).find(({ version }) => version === 2)?.path;
const found = await openCgroups({ mark: freshMark(), logger });
await found.close();

const variants: {
  readonly name: string;
  readonly limits: boolean;
  readonly open: (mark: string) => Promise<Cgroups>;
}[] = [{ name: `v${found.version}`, limits: true, open: (mark) => openCgroups({ mark, logger }) }];
if (found.version === 1 && unified !== undefined) {
  const open = async (mark: string) => {
    const cgroups = new CgroupsV2(new CgroupFolders(mark, [unified]), []);
    await cgroups.open();
    return cgroups;
  };
  variants.push({ name: "v2 without controllers", limits: false, open });
}

interface Scene extends AsyncDisposable {
  readonly cgroups: Cgroups;
  readonly name: string;
  /** Starts a shell script in the group: it waits until it is in. */
  readonly inside: (cgroup: Cgroup, script: string) => Promise<ChildProcess>;
}

async function scene(open: (mark: string) => Promise<Cgroups>): Promise<Scene> {
  const mark = freshMark();
  const cgroups = await open(mark);
  return {
    cgroups,
    name: `r${mark}-sb-one`,
    inside: async ({ procs }, script) => {
      const child = spawn("sh", ["-c", `read go; ${script}`], { stdio: ["pipe", "pipe", "ignore"] });
      for (const file of procs) await writeFile(file, String(child.pid));
      child.stdin.write("go\n");
      return child;
    },
    [Symbol.asyncDispose]: async () => {
      for (const name of await cgroups.list()) {
        await cgroups.kill(name);
        await cgroups.remove(name);
      }
      await cgroups.close();
    },
  };
}

function freshMark(): string {
  return Array.from({ length: 4 }, () => "abcdefghijklmnopqrstuvwxyz234567"[randomInt(32)]).join("");
}

for (const { name: variant, limits, open } of variants) {
  const promise = (name: string, body: (scene: Scene) => Promise<void>) =>
    test(`${variant}: ${name}`, async () => {
      await using it = await scene(open);
      await body(it);
    });

  promise("a group is made, listed, and removed without a trace", async ({ cgroups, name }) => {
    const cgroup = await cgroups.create(name, LIMITS);
    const folders = cgroup.procs.map((file) => dirname(file));
    assert.deepEqual(await cgroups.list(), [name]);
    await cgroup.remove();
    await cgroups.remove(name);
    assert.deepEqual(await cgroups.list(), []);
    await cgroups.close();
    await cgroups.close();
    for (const folder of folders) await assert.rejects(access(dirname(folder)), { code: "ENOENT" });
  });

  promise("a group that exists is not made again, and stays as it was", async ({ cgroups, name }) => {
    await cgroups.create(name, LIMITS);
    await assert.rejects(cgroups.create(name, LIMITS), { code: "conflict" });
    assert.deepEqual(await cgroups.list(), [name]);
  });

  promise("kill ends everything in the group, also what forks without end and ignores signals", async (it) => {
    const cgroup = await it.cgroups.create(it.name, LIMITS);
    const bomb = "trap '' TERM HUP INT; echo ready; while :; do sleep 1000 & done";
    const child = await it.inside(cgroup, bomb);
    const ended = once(child, "exit");
    assert.ok(child.stdout);
    await once(child.stdout, "data");
    await it.cgroups.kill(it.name);
    // Killed, or ended because it could fork no more.
    await ended;
    for (const file of cgroup.procs) assert.equal(await readFile(file, "utf8"), "");
    await it.cgroups.remove(it.name);
  });

  promise("kill and remove are right for a group that is empty or gone", async ({ cgroups, name }) => {
    await cgroups.create(name, LIMITS);
    await cgroups.kill(name);
    await cgroups.remove(name);
    await cgroups.kill(name);
    await cgroups.remove(name);
  });

  promise("remove waits for processes that are about to end", async ({ cgroups, name, inside }) => {
    const cgroup = await cgroups.create(name, LIMITS);
    const child = await inside(cgroup, "echo ready; read go");
    assert.ok(child.stdout && child.stdin);
    await once(child.stdout, "data");
    const removing = cgroups.remove(name);
    child.stdin.write("go\n");
    await removing;
    assert.deepEqual(await cgroups.list(), []);
  });

  promise("groups of another host are not ours to touch", async ({ cgroups }) => {
    for (const name of ["raaaaa-sb-one", "system.slice", "../x"]) {
      await assert.rejects(async () => cgroups.remove(name), TypeError);
      await assert.rejects(async () => cgroups.kill(name), TypeError);
    }
  });

  if (!limits) continue;

  promise("N3: more processes than the limit are not to be had", async (it) => {
    const cgroup = await it.cgroups.create(it.name, { ...LIMITS, pids: 5 });
    const child = await it.inside(cgroup, "for n in 1 2 3 4 5 6 7 8; do sleep 1000 & done; wait");
    const ended = once(child, "exit");
    // The shell gives up at the fork that fails.
    assert.notEqual((await ended)[0], 0);
    assert.ok((await it.cgroups.stats(it.name)).pids <= 5);
  });

  promise("N3: who takes more memory than the limit is killed, and it is counted", async (it) => {
    const cgroup = await it.cgroups.create(it.name, { ...LIMITS, memoryBytes: 32 * 1024 * 1024 });
    const child = await it.inside(cgroup, "exec head -c 256M /dev/zero | tail");
    await once(child, "exit");
    const { oomKills, memoryBytes } = await it.cgroups.stats(it.name);
    assert.ok(oomKills >= 1);
    assert.ok(memoryBytes <= 32 * 1024 * 1024);
  });

  promise("what has less weight gets less of a CPU that others want, too", async (it) => {
    const cgroup = await it.cgroups.create(it.name, { ...LIMITS, cpuWeight: 10 });
    const values = await Promise.all(
      cgroup.procs.flatMap((file) =>
        ["cpu.weight", "cpu.shares"].map((name) => readFile(join(dirname(file), name), "utf8").catch(() => "")),
      ),
    );
    assert.deepEqual(
      values.filter((value) => value !== "").map((value) => value.trim()),
      [it.cgroups.version === 2 ? "10" : "102"],
    );
  });

  promise("N3: CPU time is held to the limit by the kernel, to a fraction of a CPU", async (it) => {
    const cgroup = await it.cgroups.create(it.name, { ...LIMITS, cpus: 0.25 });
    const values = await Promise.all(
      cgroup.procs.flatMap((file) =>
        ["cpu.max", "cpu.cfs_quota_us"].map((name) => readFile(join(dirname(file), name), "utf8").catch(() => "")),
      ),
    );
    assert.deepEqual(
      values.filter((value) => value !== "").map((value) => value.trim().split(" ")[0]),
      ["25000"],
    );
  });

  promise("a limit that the kernel refuses leaves no group behind, whichever it is", async ({ cgroups, name }) => {
    for (const wrong of [{ memoryBytes: -5 }, { cpus: 0.000_001 }, { pids: -5 }]) {
      await assert.rejects(cgroups.create(name, { ...LIMITS, ...wrong }), { code: "internal" }, JSON.stringify(wrong));
      assert.deepEqual(await cgroups.list(), []);
    }
  });

  promise("stats of a group that is not there are not_found", async ({ cgroups, name }) => {
    await assert.rejects(cgroups.stats(name), { code: "not_found" });
  });
}

test("v2: where processes stand in the way of handing controllers down, it says what to do", async (t) => {
  const there = unified === undefined ? "" : await readFile(join(unified, "cgroup.controllers"), "utf8");
  // Controllers that limit threads may be handed down past processes; these may not.
  const controller = there
    .trim()
    .split(" ")
    .find((name) => name === "memory" || name === "hugetlb");
  if (unified === undefined || controller === undefined) return t.skip("no such controller on a version 2 tree");
  await using outer = await scene(async (mark) => {
    const cgroups = new CgroupsV2(new CgroupFolders(mark, [unified]), [controller]);
    await cgroups.open();
    return cgroups;
  });
  const crowded = await outer.cgroups.create(outer.name, LIMITS);
  const child = await outer.inside(crowded, "echo ready; sleep 1000");
  assert.ok(child.stdout);
  await once(child.stdout, "data");
  const inner = new CgroupsV2(new CgroupFolders(freshMark(), [dirname(crowded.procs[0] ?? "")]), [controller]);
  await using _closed = { [Symbol.asyncDispose]: () => inner.close() };
  await assert.rejects(inner.open(), { code: "internal", message: /processes are in it.*move them/ });
});

test("a machine whose kernel has no memory groups says how to have them", async () => {
  const folder = await mkdtemp(join(tmpdir(), "roost-cgroups-"));
  await using _removed = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const mountinfo = join(folder, "mountinfo");
  await writeFile(mountinfo, "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n");
  await assert.rejects(openCgroups({ mark: freshMark(), logger, mountinfo }), {
    code: "internal",
    message: /memory, pids.*cgroup_enable=memory/,
  });
});
