/**
 * N3: what a VMM that has been taken over could do on its host. Read from /proc, of real sandboxes that run: who its processes are, what
 * they may, what they see, what they hold, and what they can use up.
 */
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { type Instance, startInstance } from "@roost/launcher/instance";
import { Roost, type Sandbox } from "@roost/sdk";
import { keeperOf } from "../stories/keeper-of.ts";
import { cgroupOf } from "./cgroup.ts";
import {
  descriptorsOf,
  type Mount,
  mountsOf,
  namespaceOf,
  oomScoreAdjustment,
  type Status,
  statusOfThreads,
} from "./process-facts.ts";

interface Subject {
  readonly sandbox: Sandbox;
  readonly pids: { readonly keeper: number; readonly vmm: number };
}

const VCPUS = 1;
const MEMORY_MB = 128;
const MIB = 1024 * 1024;
/** Of a VMM beside its guest's memory; what is reserved for it when a sandbox is admitted. */
const MOST_OVERHEAD_MB = 256;

/** QEMU's threads, most of which are workers for its disk that come and go, and the keeper's. */
const MOST_TASKS = 128;
/** What tells QEMU how its memory is provided. */
const ENVIRONMENT = new Set(["LD_PRELOAD", "ROOST_MEMORY_PLAN"]);

/** What QEMU opens by itself, and what is handed to it (docs/formats/keeper.md). */
const VMM_DESCRIPTORS = [
  ...[/^\/dev\/(null|urandom|kvm|net\/tun|userfaultfd)$/, /^pipe:/, /^socket:/, /^\/vm\/[\w.-]+( \(deleted\))?$/],
  ...[/^anon_inode:(\[?(eventfd|signalfd|eventpoll|timerfd|userfaultfd|io_uring)\]?|kvm-.*)$/, /^\/memfd:/],
];
const KEEPER_DESCRIPTORS = [
  ...[/^\/dev\/(null|userfaultfd)$/, /^pipe:/, /^socket:/, /^\/proc\/\d+(\/\w+)?$/, /^\/memfd:/],
  /^anon_inode:\[?(pidfd|signalfd|eventfd|eventpoll|timerfd|userfaultfd)\]?$/,
];

describe("a sandbox's processes on the host (N3)", () => {
  let instance: Instance;
  let subjects: readonly [Subject, Subject];

  before(async () => {
    instance = await startInstance();
    const roost = new Roost(instance);
    const subject = async (): Promise<Subject> => {
      const sandbox = await roost.sandboxes.create({ vcpus: VCPUS, memoryMb: MEMORY_MB });
      return { sandbox, pids: await keeperOf(instance, sandbox.id) };
    };
    subjects = await Promise.all([subject(), subject()]);
  });

  after(async () => {
    await instance?.[Symbol.asyncDispose]();
  });

  /** Every thread of every keeper and VMM. */
  async function everyThread(check: (status: Status, role: "keeper" | "vmm", subject: Subject) => void): Promise<void> {
    for (const subject of subjects) {
      for (const role of ["keeper", "vmm"] as const) {
        const threads = await statusOfThreads(subject.pids[role]);
        assert(threads.length > 0);
        for (const status of threads) check(status, role, subject);
      }
    }
  }

  test("are of a user and group of their own, which nobody else on the machine is", async () => {
    const users = new Set<string>();
    await everyThread((status, _, { sandbox }) => {
      const ids = new Set([...(status.Uid ?? "").split("\t"), ...(status.Gid ?? "").split("\t")]);
      assert.equal(ids.size, 1, "real, effective, saved and file system user and group are one");
      const [id = ""] = ids;
      assert(Number(id) >= instance.uidBase && Number(id) < instance.uidBase + 1024, id);
      assert.equal(status.Groups, "");
      users.add(`${sandbox.id} ${id}`);
    });
    assert.equal(users.size, 2);
    assert.equal(new Set([...users].map((user) => user.split(" ")[1])).size, 2, "each sandbox has its own");
    const passwd = await readFile("/etc/passwd", "utf8");
    for (const user of users) assert(!passwd.includes(`:${user.split(" ")[1]}:`));
  });

  test("have no capability in any set, and no way to come by one", async () => {
    await everyThread((status) => {
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
        assert.match(status[set] ?? "", /^0+$/, set);
      assert.equal(status.NoNewPrivs, "1");
      assert.equal(status.Umask, "0077");
      assert.equal(status.TracerPid, "0");
    });
  });

  test("filter the VMM's system calls, in each of its threads", async () => {
    await everyThread((status, role) => role === "vmm" && assert.equal(status.Seccomp, "2"));
  });

  test("are in namespaces that are neither the host's nor a neighbour's; the VMM is process 1 of its own", async () => {
    const seen = new Map<string, Set<string>>();
    for (const { pids } of subjects) {
      for (const kind of ["mnt", "net", "ipc", "uts", "pid"]) {
        const own = await namespaceOf(pids.vmm, kind);
        assert.notEqual(own, await namespaceOf("self", kind), kind);
        if (kind !== "pid") assert.equal(await namespaceOf(pids.keeper, kind), own, kind);
        seen.set(kind, (seen.get(kind) ?? new Set()).add(own));
      }
      const [status] = await statusOfThreads(pids.vmm);
      assert.equal(status?.NSpid, `${pids.vmm}\t1`);
    }
    for (const [kind, namespaces] of seen) assert.equal(namespaces.size, 2, kind);
  });

  test("see as their root the VMM's own folder, read-only, and in it nothing of the host, nor of a neighbour", async () => {
    for (const { sandbox, pids } of subjects) {
      const others = subjects.filter((subject) => subject.sandbox !== sandbox);
      const mounts = await mountsOf(pids.vmm);
      assert.deepEqual(await mountsOf(pids.keeper), mounts);
      for (const mount of mounts) checkMount(mount, sandbox, others);
      const writable = mounts.filter(({ options }) => !options.has("ro")).map(({ target }) => target);
      assert.deepEqual(writable, [
        "/vm",
        mounts
          .map(({ target }) => target)
          .filter((target) => target.startsWith("/vm/disk."))
          .at(-1),
      ]);
      assert.deepEqual(await readdir(`/proc/${pids.vmm}/root/proc`), [], "no process can be named");
      const host = await stat("/");
      const root = await stat(`/proc/${pids.vmm}/root/`);
      assert.notDeepEqual([root.dev, root.ino], [host.dev, host.ino]);
      for (const name of ["etc", "home", "root", "run", "sys", "var"]) {
        await assert.rejects(stat(`/proc/${pids.vmm}/root/${name}`), { code: "ENOENT" });
      }
    }
  });

  function checkMount({ target, source, options }: Mount, sandbox: Sandbox, others: readonly Subject[]): void {
    assert.match(target, /^\/(|dev|kernel|vm|vm\/[\w.-]+)$/);
    assert(options.has("nosuid"), target);
    assert(options.has(target === "/dev" ? "noexec" : "nodev"), target);
    if (!options.has("ro"))
      assert(options.has("noexec") && source.includes(`/${sandbox.id}/`), `${source} on ${target}`);
    for (const other of others) assert(!source.includes(other.sandbox.id), `${source} on ${target}`);
  }

  test("find five device nodes at most, and may use no other", async () => {
    for (const { pids } of subjects) {
      const nodes = (await readdir(`/proc/${pids.vmm}/root/dev`)).sort();
      assert.deepEqual(
        nodes.filter((name) => name !== "kvm"),
        ["null", "random", "urandom", "zero"],
      );
    }
  });

  test("hold open what is documented and nothing else: one TAP device, no socket of the internet's", async () => {
    for (const { sandbox, pids } of subjects) {
      const ofVmm = await descriptorsOf(pids.vmm);
      assert.deepEqual(
        ofVmm.filter((path) => !VMM_DESCRIPTORS.some((known) => known.test(path))),
        [],
      );
      assert.equal(ofVmm.filter((path) => path === "/dev/net/tun").length, 1);
      const ofKeeper = await descriptorsOf(pids.keeper);
      const isOwn = (path: string): boolean => path.startsWith("/") && path.includes(`/${sandbox.id}/`);
      const known = (path: string): boolean => isOwn(path) || KEEPER_DESCRIPTORS.some((pattern) => pattern.test(path));
      assert.deepEqual(
        ofKeeper.filter((path) => !known(path)),
        [],
      );
      for (const protocol of ["tcp", "tcp6", "udp", "udp6", "raw", "packet"]) {
        const table = await readFile(`/proc/${pids.vmm}/net/${protocol}`, "utf8").catch(() => "");
        assert.deepEqual(table.trim().split("\n").slice(1), [], protocol);
      }
    }
  });

  test("bear no secret in their arguments or environment", async () => {
    const file = `${instance.runFolder}/${instance.mark}`;
    for (const { sandbox, pids } of subjects) {
      const record = JSON.parse(await readFile(`${file}/${sandbox.id}/sandbox.json`, "utf8")) as {
        access_token: string;
      };
      assert.match(record.access_token, /^[0-9a-f]{64}$/);
      for (const pid of Object.values(pids)) {
        const words = await Promise.all(["cmdline", "environ"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8")));
        assert(!words.join("\0").includes(record.access_token));
        const names = (words[1] ?? "").split("\0").map((variable) => variable.split("=")[0]);
        assert.deepEqual(
          names.filter((name) => name !== "" && !ENVIRONMENT.has(name ?? "")),
          [],
        );
      }
    }
  });

  test("are the first to go when the host is out of memory, the VMM before its keeper; and leave no core", async () => {
    for (const { pids } of subjects) {
      assert.equal(await oomScoreAdjustment(pids.vmm), 500);
      assert((await oomScoreAdjustment(pids.keeper)) < 500);
      for (const pid of Object.values(pids)) {
        const limits = await readFile(`/proc/${pid}/limits`, "utf8");
        // Not 0: with that the kernel would still hand a core to a program that collects them.
        assert.match(limits, /^Max core file size +[01] +[01] /m);
      }
    }
  });

  test("are together in a control group that limits memory, CPUs and tasks", async () => {
    for (const { sandbox, pids } of subjects) {
      const groups = await Promise.all([cgroupOf(pids.keeper), cgroupOf(pids.vmm)]);
      for (const group of groups) {
        assert.equal(group.name, `r${instance.mark}-${sandbox.id}`);
        const { memoryBytes, cpus, pids } = await group.limits();
        assert(
          memoryBytes > MEMORY_MB * MIB && memoryBytes <= (MEMORY_MB + MOST_OVERHEAD_MB) * MIB,
          `${memoryBytes} bytes`,
        );
        assert.equal(cpus, VCPUS + 0.5);
        assert(pids > 0 && pids <= MOST_TASKS, `${pids} tasks`);
      }
    }
  });
});
