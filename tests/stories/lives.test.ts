/**
 * Stories of what must survive, and of what must end with what, when processes of Roost are killed.
 *
 * Runs in the lab, too.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { machineState } from "../machine-state/machine-state.ts";
import { isAlive } from "./is-alive.ts";
import { keeperOf } from "./keeper-of.ts";
import { becomes, roostForTests } from "./roost-for-tests.ts";
import { until } from "./until.ts";

describe("when processes are killed", () => {
  const its = roostForTests();

  test("an agent that was killed finds its sandbox again, and a command in it has not noticed (R1)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 256 });
    const counting = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo $i > /tmp/count; sleep 0.05; done";
    await sandbox.exec("sh", ["-c", `setsid sh -c '${counting}' >/dev/null 2>&1 & echo $! > /tmp/pid`]);
    const before = await sandbox.exec("cat", ["/proc/sys/kernel/random/boot_id", "/tmp/pid"]);
    const agent = await its.instance.agent.pid();
    await its.instance.agent.kill("SIGKILL");
    await until("another agent serves", async () => {
      const pid = await its.instance.agent.pid();
      if (pid === undefined || pid === agent) return undefined;
      return await sandbox.exec("true").catch(() => undefined);
    });
    const after = await sandbox.exec("cat", ["/proc/sys/kernel/random/boot_id", "/tmp/pid"]);
    assert.equal(after.stdout, before.stdout);
    const count = Number((await sandbox.exec("cat", ["/tmp/count"])).stdout);
    await until("the count goes on", async () => {
      const now = Number((await sandbox.exec("cat", ["/tmp/count"])).stdout);
      return now > count ? now : undefined;
    });
  });

  for (const victim of ["vmm", "keeper"] as const) {
    test(`a killed ${victim} takes the other with it; the sandbox says why, keeps only its disk, and can be destroyed`, async () => {
      const scope = { mark: its.instance.mark, folders: [its.instance.runFolder] };
      const sandbox = await its.roost.sandboxes.create({ memoryMb: 256 });
      const pids = await keeperOf(its.instance, sandbox.id);
      process.kill(pids[victim], "SIGKILL");
      const ended = await becomes(sandbox, "error");
      assert.match(ended.error ?? "", /has ended/);
      await assert.rejects(sandbox.exec("true"), { code: "not_running", status: 409 });
      await until("all but its disk is freed", async () => {
        const state = await machineState(scope);
        return state.some((line) => line.includes(sandbox.id)) ? undefined : true;
      });
      for (const pid of Object.values(pids)) assert(!(await isAlive(pid)));
      const data = { mark: its.instance.mark, folders: [its.instance.dataFolder] };
      assert((await machineState(data)).some((line) => line.includes(`${sandbox.id}/disk.qcow2`)));
      await sandbox.destroy();
      assert(!(await machineState(data)).some((line) => line.includes(sandbox.id)));
      await assert.rejects(sandbox.exec("true"), { status: 409 });
    });
  }

  test("a guest that powers itself off is an error that says so", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 256 });
    await sandbox.exec("sh", ["-c", "sudo sh -c 'echo o > /proc/sysrq-trigger'"], { timeoutSec: 5 }).catch(() => {});
    const ended = await becomes(sandbox, "error");
    assert.match(ended.error ?? "", /has ended/);
  });

  test("a control plane that was killed comes back and knows all", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 256 });
    await its.instance.controlPlane.kill("SIGKILL");
    const answer = await until(
      "it serves again",
      async () => await sandbox.exec("echo", ["here"]).catch(() => undefined),
    );
    assert.equal(answer.stdout, "here\n");
  });

  test("a PostgreSQL that was killed comes back and has lost nothing (U4)", async () => {
    await using sandbox = await its.roost.sandboxes.create({ memoryMb: 256 });
    await its.instance.postgres.kill("SIGKILL");
    const answer = await until(
      "it serves again",
      async () => await sandbox.exec("echo", ["here"]).catch(() => undefined),
    );
    assert.equal(answer.stdout, "here\n");
  });
});
