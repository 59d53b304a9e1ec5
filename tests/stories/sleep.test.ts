/** Stories of pausing, resuming and copying, on real microVMs, through the doors that a user has. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { type Instance, startInstance } from "@roost/launcher/instance";
import { Roost, type Sandbox, type SandboxStatus } from "@roost/sdk";
import { machineState } from "../machine-state/machine-state.ts";
import { keeperOf } from "./keeper-of.ts";
import { until } from "./until.ts";

/** A program with all that must come through: memory, an open file that has no name any more, a listener, a count that goes on. */
const LIVING = `
import os, socket, threading, time
memory = [bytes([i % 251]) * 1024 for i in range(40_000)]
held = open("/tmp/held", "w+"); os.unlink("/tmp/held"); held.write("first half, "); held.flush()
half = open("/tmp/half", "w"); half.write("written before")
server = socket.create_server(("127.0.0.1", 7000))
def count():
    n = 0
    while True:
        n += 1
        with open("/tmp/count.new", "w") as f: f.write(str(n))
        os.rename("/tmp/count.new", "/tmp/count")
        time.sleep(0.02)
threading.Thread(target=count, daemon=True).start()
open("/tmp/ready", "w").close()
while True:
    peer, _ = server.accept()
    whole = sum(line[0] == i % 251 and len(line) == 1024 for i, line in enumerate(memory))
    held.write("more, "); held.flush(); held.seek(0)
    half.write(" and after"); half.flush()
    peer.sendall(f"{whole} {held.read()}".encode()); peer.close()
`;
const ASK = 'import socket; s = socket.create_connection(("127.0.0.1", 7000)); print(s.makefile().read(), end="")';

/** Writes what no two copies may have in common, without a pause. */
const RANDOM = `
import os, uuid
with open("/tmp/values", "a", buffering=1) as values:
    while True: values.write(f"{uuid.uuid4()} {os.getrandom(16).hex()}\\n")
`;

describe("a sandbox that sleeps", () => {
  let instance: Instance;
  let roost: Roost;

  before(async () => {
    instance = await startInstance();
    roost = new Roost(instance);
  });

  after(async () => {
    await instance?.[Symbol.asyncDispose]();
  });

  const start = async (sandbox: Sandbox, program: string): Promise<void> => {
    await sandbox.files.write("/tmp/program.py", program);
    await sandbox.exec("sh", ["-c", "setsid python3 /tmp/program.py > /tmp/log 2>&1 < /dev/null &"]);
  };
  const read = async (sandbox: Sandbox, path: string): Promise<string> => (await sandbox.exec("cat", [path])).stdout;
  const becomes = (sandbox: Sandbox, status: SandboxStatus): Promise<Sandbox> =>
    until(`${sandbox.id} is ${status}`, async () => {
      const now = await sandbox.refresh();
      return now.status === status ? now : undefined;
    });
  /** What there is of a sandbox on the machine beside its files. */
  const traces = async (id: string): Promise<string[]> =>
    (await machineState({ mark: instance.mark, folders: [instance.runFolder] })).filter((line) => line.includes(id));

  test("its processes carry on, ten times in a row (S1, S2, S3)", async () => {
    await using sandbox = await roost.sandboxes.create({ memoryMb: 256 });
    await start(sandbox, LIVING);
    await until("the program is ready", async () =>
      (await sandbox.exec("test", ["-e", "/tmp/ready"])).exitCode === 0 ? true : undefined,
    );
    const bootId = await read(sandbox, "/proc/sys/kernel/random/boot_id");
    let held = "first half, ";
    for (let round = 1; round <= 10; round++) {
      const count = Number(await read(sandbox, "/tmp/count"));
      const paused = await sandbox.pause();
      assert.deepEqual([paused.status, paused.guestIp], ["paused", null]);
      assert.deepEqual(await traces(sandbox.id), [], "a paused sandbox holds nothing of the machine");
      await assert.rejects(sandbox.exec("true"), { code: "not_running", status: 409 });
      const resumed = await sandbox.resume();
      assert.equal(resumed.status, "running");
      held += "more, ";
      assert.equal((await sandbox.exec("python3", ["-c", ASK])).stdout, `40000 ${held}`);
      await until("the count goes on", async () =>
        Number(await read(sandbox, "/tmp/count")) > count ? true : undefined,
      );
    }
    assert.equal(await read(sandbox, "/proc/sys/kernel/random/boot_id"), bootId);
    assert.equal(await read(sandbox, "/tmp/half"), `written before${" and after".repeat(10)}`);
  });

  test("its clock is right when it wakes (S2)", async () => {
    await using sandbox = await roost.sandboxes.create({ memoryMb: 128 });
    await sandbox.pause();
    await setTimeout(5_000);
    await sandbox.resume();
    const before = Date.now();
    const guest = Number((await sandbox.exec("date", ["+%s%3N"])).stdout);
    assert(guest >= before - 1000 && guest <= Date.now() + 1000, `${guest} at ${before}`);
  });

  test("unused for its time-out it falls asleep by itself; use and pings keep it awake (S9)", async () => {
    await using sandbox = await roost.sandboxes.create({ memoryMb: 128, timeoutSec: 4 });
    await sandbox.exec("sleep", ["6"]);
    for (let second = 0; second < 6; second++) {
      await sandbox.ping();
      await setTimeout(1_000);
    }
    assert.equal((await sandbox.refresh()).status, "running");
    await becomes(sandbox, "paused");
    assert.equal((await sandbox.resume()).status, "running");
  });

  test("eight copies made at once of one that draws random numbers share none, nor who they are (S4, S5)", async () => {
    await using source = await roost.sandboxes.create({ memoryMb: 128 });
    await start(source, RANDOM);
    await until("it draws", async () => ((await read(source, "/tmp/values")).length > 1000 ? true : undefined));
    const template = await roost.snapshots.create(source.id, { name: "drawing", leave: "running" });
    assert.deepEqual([template.type, template.vcpus, template.memoryMb], ["snapshot", 1, 128]);
    assert.equal((await source.refresh()).status, "running");
    const copies = await Promise.all(
      Array.from({ length: 8 }, () => roost.sandboxes.create({ template: "drawing", memoryMb: 512, vcpus: 2 })),
    );
    assert.deepEqual(
      copies.map(({ memoryMb, vcpus }) => [memoryMb, vcpus]),
      copies.map(() => [128, 1]),
      "what is baked in wins",
    );
    const all = await Promise.all([source, ...copies].map((sandbox) => read(sandbox, "/tmp/values")));
    const values = all.map((text) =>
      text
        .split("\n")
        .slice(0, -1)
        .flatMap((line) => line.split(" ")),
    );
    const before = new Set(values.reduce((one, other) => one.filter((value) => other.includes(value))));
    assert(before.size > 0, "all have what was drawn before the snapshot");
    const since = values.flatMap((own) => own.filter((value) => !before.has(value)));
    assert(since.length > 9);
    assert.equal(new Set(since).size, since.length);
    const names = await Promise.all(copies.map((copy) => copy.exec("sh", ["-c", "hostname; cat /etc/machine-id"])));
    assert.equal(new Set(names.map(({ stdout }) => stdout)).size, 8);
    assert.deepEqual(
      names.map(({ stdout }) => stdout.split("\n")[0]),
      copies.map(({ id }) => id),
    );
    await roost.snapshots.delete("drawing");
    const [one] = copies;
    assert(one);
    await one.pause();
    await one.resume();
    assert.equal((await one.exec("true")).exitCode, 0, "deleting a template harms no sandbox made from it");
    await Promise.all(copies.map((copy) => copy.destroy()));
  });

  test("whose machine died goes on from its last pause, or from its disk as it is (S10)", async () => {
    await using sandbox = await roost.sandboxes.create({ memoryMb: 128, env: { COLOUR: "blue" } });
    await sandbox.files.write("/home/user/kept", "before the pause");
    await sandbox.pause();
    await sandbox.resume();
    await sandbox.exec("sh", ["-c", "echo -n after > /home/user/kept; sync"]);
    process.kill((await keeperOf(instance, sandbox.id)).vmm, "SIGKILL");
    await becomes(sandbox, "error");
    await sandbox.resume({ mode: "disk" });
    assert.equal(await read(sandbox, "/home/user/kept"), "after");
    assert.equal((await sandbox.exec("sh", ["-c", "echo $COLOUR"])).stdout, "blue\n");
    process.kill((await keeperOf(instance, sandbox.id)).vmm, "SIGKILL");
    await becomes(sandbox, "error");
    assert.equal((await sandbox.resume()).error, null);
    assert.equal(await read(sandbox, "/home/user/kept"), "before the pause");
  });

  test("is paused by `down`, and known to the next `up`", async () => {
    const sandbox = await roost.sandboxes.create({ memoryMb: 128 });
    await start(sandbox, LIVING.replace("40_000", "10"));
    await until("it counts", async () => ((await read(sandbox, "/tmp/count")) > "" ? true : undefined));
    const bootId = await read(sandbox, "/proc/sys/kernel/random/boot_id");
    await instance.down();
    assert.deepEqual(await machineState({ mark: instance.mark, folders: [instance.runFolder] }), []);
    await instance.up();
    await becomes(sandbox, "paused");
    await sandbox.resume();
    assert.equal(await read(sandbox, "/proc/sys/kernel/random/boot_id"), bootId);
    await sandbox.pause();
    await sandbox.destroy();
    const files = await machineState({ mark: instance.mark, folders: [instance.dataFolder] });
    assert.deepEqual(
      files.filter((line) => line.includes(sandbox.id)),
      [],
      "nothing is left of a paused sandbox that was destroyed (S8)",
    );
  });
});
