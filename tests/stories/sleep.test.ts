/** Stories of pausing, resuming and copying, on real microVMs, through the doors that a user has. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { machineState } from "../machine-state/machine-state.ts";
import { keeperOf } from "./keeper-of.ts";
import { LivingProgram, read, startProgram } from "./living-program.ts";
import { becomes, roostForTests } from "./roost-for-tests.ts";
import { until } from "./until.ts";

/** Writes what no two copies may have in common, without a pause. */
const RANDOM = `
import os, uuid
with open("/tmp/values", "a", buffering=1) as values:
    while True: values.write(f"{uuid.uuid4()} {os.getrandom(16).hex()}\\n")
`;

describe("a sandbox that sleeps", () => {
  const its = roostForTests();

  test("its processes carry on, and asleep it costs no memory and no process (S1, S2, S3)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 256 });
    const living = await LivingProgram.start(sandbox, 40);
    for (let round = 1; round <= 2; round++) {
      const count = await living.count();
      const paused = await sandbox.pause();
      assert.deepEqual([paused.status, paused.guestIp], ["paused", null]);
      assert.deepEqual(await its.traces(sandbox), [], "a paused sandbox holds nothing of the machine");
      await assert.rejects(sandbox.exec("true"), { code: "not_running", status: 409 });
      const resumed = await sandbox.resume();
      assert.equal(resumed.status, "running");
      await living.carriesOn(count);
    }
  });

  test("of two that pause it at once one wins, and who resumes it meanwhile is told of it; then the other way round", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 128 });
    const other = await its.roost.sandboxes.get(sandbox.id);
    const outcome = (attempt: Promise<unknown>): Promise<string> =>
      attempt.then(
        () => "done",
        (error: { status: number }) => String(error.status),
      );
    const pauses = await Promise.all([outcome(sandbox.pause()), outcome(other.pause()), outcome(other.resume())]);
    assert.deepEqual(pauses.sort(), ["409", "409", "done"]);
    assert.equal((await sandbox.refresh()).status, "paused");
    const resumes = await Promise.all([outcome(sandbox.resume()), outcome(other.resume()), outcome(other.pause())]);
    assert.deepEqual(resumes.sort(), ["409", "409", "done"]);
    assert.equal((await sandbox.refresh()).status, "running");
  });

  for (const step of ["pause", "resume"] as const) {
    test(`destroyed while it is to ${step}, it is gone when that has ended, and nothing of it is left (S8)`, async () => {
      const sandbox = await its.roost.sandboxes.create({ memoryMb: 128 });
      if (step === "resume") await sandbox.pause();
      const other = await its.roost.sandboxes.get(sandbox.id);
      // What becomes of the step depends on who comes first.
      await Promise.all([sandbox[step]().catch(() => {}), other.destroy()]);
      assert.equal((await sandbox.refresh()).status, "stopped");
      assert.deepEqual(await its.traces(sandbox, [its.instance.runFolder, its.instance.dataFolder]), []);
    });
  }

  test("paused while a command runs, it has that command again when it wakes (S1)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 128 });
    const command = sandbox.exec("sh", [
      "-c",
      "for i in $(seq 20); do echo $i > /tmp/at; sleep 0.1; done; echo all > /tmp/at",
    ]);
    const told = command.then(
      () => "done",
      (error: { code: string }) => error.code,
    );
    await until("it runs", async () => (await read(sandbox, "/tmp/at")) || undefined);
    await sandbox.pause();
    assert.notEqual(await told, "done");
    await sandbox.resume();
    await until("it has come to its end", async () =>
      (await read(sandbox, "/tmp/at")) === "all\n" ? true : undefined,
    );
  });

  test("its clock is right when it wakes (S2)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 128 });
    await sandbox.pause();
    await setTimeout(5_000);
    await sandbox.resume();
    const before = Date.now();
    const guest = Number((await sandbox.exec("date", ["+%s%3N"])).stdout);
    assert(guest >= before - 1000 && guest <= Date.now() + 1000, `${guest} at ${before}`);
  });

  test("unused for its time-out it falls asleep by itself; use and pings keep it awake (S9)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 128, timeoutSec: 4 });
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
    await using source = await its.roost.sandboxes.create({ memoryMb: 128 });
    await startProgram(source, RANDOM);
    await until("it draws", async () => ((await read(source, "/tmp/values")).length > 1000 ? true : undefined));
    const template = await its.roost.snapshots.create(source.id, { name: "drawing", leave: "running" });
    assert.deepEqual([template.type, template.vcpus, template.memoryMb], ["snapshot", 1, 128]);
    assert.equal((await source.refresh()).status, "running");
    const copies = await Promise.all(
      Array.from({ length: 8 }, () => its.roost.sandboxes.create({ template: "drawing", memoryMb: 512, vcpus: 2 })),
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
    await its.roost.snapshots.delete("drawing");
    const [one] = copies;
    assert(one);
    await one.pause();
    await one.resume();
    assert.equal((await one.exec("true")).exitCode, 0, "deleting a template harms no sandbox made from it");
    await Promise.all(copies.map((copy) => copy.destroy()));
  });

  test("whose machine died goes on from its last pause, or from its disk as it is (S10)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 128, env: { COLOUR: "blue" } });
    await sandbox.files.write("/home/user/kept", "before the pause");
    await sandbox.pause();
    await sandbox.resume();
    await sandbox.exec("sh", ["-c", "echo -n after > /home/user/kept; sync"]);
    process.kill((await keeperOf(its.instance, sandbox.id)).vmm, "SIGKILL");
    await becomes(sandbox, "error");
    await sandbox.resume({ mode: "disk" });
    assert.equal(await read(sandbox, "/home/user/kept"), "after");
    assert.equal((await sandbox.exec("sh", ["-c", "echo $COLOUR"])).stdout, "blue\n");
    process.kill((await keeperOf(its.instance, sandbox.id)).vmm, "SIGKILL");
    await becomes(sandbox, "error");
    assert.equal((await sandbox.resume()).error, null);
    assert.equal(await read(sandbox, "/home/user/kept"), "before the pause");
  });

  test("is paused by `down`, and known to the next `up`", async () => {
    const sandbox = await its.roost.sandboxes.create({ memoryMb: 128 });
    const living = await LivingProgram.start(sandbox, 1);
    const count = await living.count();
    await its.instance.down();
    const { mark, runFolder, dataFolder } = its.instance;
    assert.deepEqual(await machineState({ mark, folders: [runFolder] }), []);
    await its.instance.up();
    await becomes(sandbox, "paused");
    await sandbox.resume();
    await living.carriesOn(count);
    await sandbox.pause();
    await sandbox.destroy();
    assert.deepEqual(
      await its.traces(sandbox, [dataFolder]),
      [],
      "nothing is left of a paused sandbox that was destroyed (S8)",
    );
  });
});
