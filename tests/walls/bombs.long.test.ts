/**
 * N3: what a guest uses up is its own. In one sandbox root keeps every CPU busy, fills disk and memory, forks without end; each time the
 * neighbour goes on, the host loses no more than the sandbox's limits allow, and in the end the bomber can be destroyed.
 */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { type Instance, startInstance } from "@roost/launcher/instance";
import { Roost, type Sandbox } from "@roost/sdk";
import { machineState } from "../machine-state/machine-state.ts";
import { keeperOf } from "../stories/keeper-of.ts";
import { until } from "../stories/until.ts";
import { type Answers, answersOf } from "./answers-of.ts";
import { BOMBS, type Bomb } from "./bombs.ts";
import { type Cgroup, cgroupOf, type Usage } from "./cgroup.ts";

/** Two, so that on a small machine it competes for every CPU there is. */
const BOMBER = { vcpus: 2, memoryMb: 128 };
const MIB = 1024 * 1024;

describe("bombs in a guest (N3)", () => {
  let instance: Instance;
  let bomber: Sandbox;
  let neighbour: Sandbox;
  let group: Cgroup;

  before(async () => {
    instance = await startInstance();
    const roost = new Roost(instance);
    [bomber, neighbour] = await Promise.all([
      roost.sandboxes.create(BOMBER),
      roost.sandboxes.create({ memoryMb: 128 }),
    ]);
    group = await cgroupOf((await keeperOf(instance, bomber.id)).vmm);
  });

  after(async () => {
    await instance?.[Symbol.asyncDispose]();
  });

  test("before all bombs, the neighbour works", async (t) => {
    tellAnswers(t, "before,", await answersOf(neighbour, AbortSignal.timeout(1_000)));
  });

  for (const bomb of BOMBS) {
    test(`a ${bomb.name} bomb: the neighbour goes on working, and the host loses no more than the bomber's limits`, async (t) => {
      const [limits, before] = await Promise.all([group.limits(), group.usage()]);
      const wentOff = await bomb.watch({ instance, bomber, group });
      const start = performance.now();
      const extinguish = await light(bomb);
      const over = new AbortController();
      const [answers] = await Promise.all([
        answersOf(neighbour, over.signal),
        until(`the ${bomb.name} bomb goes off`, async () => (await wentOff()) || undefined).finally(() => over.abort()),
      ]);
      const [elapsedMs, after] = [performance.now() - start, await group.usage()];
      tell(t, { answers, before, after, elapsedMs });
      assert((after.memoryPeakBytes ?? after.memoryBytes) <= limits.memoryBytes, "memory is limited");
      assert.equal(after.oomKills, 0, "the guest's own kernel is the one that has to choose whom to end");
      assert((after.cpuMs - before.cpuMs) / elapsedMs <= limits.cpus * 1.1, `CPUs: at most ${limits.cpus}`);
      if (after.pids !== undefined) assert(after.pids <= limits.pids);
      await extinguish();
    });
  }

  test("the neighbour has lost nothing: same boot, its file is whole, its memory its own", async () => {
    const content = "x".repeat(1_000_000);
    await neighbour.files.write("/tmp/whole", content);
    assert.equal(await neighbour.files.readText("/tmp/whole"), content);
    const { stdout } = await neighbour.exec("dmesg", [], { user: "root", timeoutSec: 60 });
    assert.doesNotMatch(stdout, /out of memory/i);
    assert.equal((await neighbour.refresh()).status, "running");
  });

  test("the bomber can be destroyed while the bombs go off, and leaves nothing", async () => {
    assert.match((await bomber.refresh()).status, /^(running|error)$/);
    await bomber.destroy();
    const scope = { mark: instance.mark, folders: [instance.runFolder, instance.dataFolder] };
    assert.deepEqual(
      (await machineState(scope)).filter((line) => line.includes(bomber.id)),
      [],
    );
    assert.equal((await neighbour.exec("echo", ["here"], { timeoutSec: 60 })).stdout, "here\n");
  });

  /** Detached from the command that lights it. The function puts it out, if that can be. */
  async function light({ script, extinguishable }: Bomb): Promise<() => Promise<void>> {
    const detached = 'setsid sh -c "echo \\$\\$ >/run/bomb; $BOMB" >/dev/null 2>&1 </dev/null &';
    await bomber.exec("sh", ["-c", detached], { user: "root", env: { BOMB: script }, timeoutSec: 60 });
    return async () => {
      if (!extinguishable) return;
      await bomber.exec("sh", ["-c", "kill -KILL -$(cat /run/bomb); rm -f /bomb"], { user: "root", timeoutSec: 60 });
    };
  }
});

interface Report {
  readonly answers: Answers;
  readonly before: Usage;
  readonly after: Usage;
  readonly elapsedMs: number;
}

/** The numbers that people want to see. */
function tell(t: TestContext, { answers, before, after, elapsedMs }: Report): void {
  const mb = (bytes: number | undefined): string => `${bytes === undefined ? "?" : Math.round(bytes / MIB)} MB`;
  const cpus = ((after.cpuMs - before.cpuMs) / elapsedMs).toFixed(2);
  const throttledMs = Math.round(after.throttledMs - before.throttledMs);
  t.diagnostic(`it took ${cpus} CPUs over ${(elapsedMs / 1000).toFixed(1)} s, held back for ${throttledMs} ms`);
  t.diagnostic(
    `memory: ${mb(before.memoryBytes)}, then ${mb(after.memoryBytes)}; at most ${mb(after.memoryPeakBytes)}`,
  );
  t.diagnostic(`tasks on the host: ${before.pids ?? "?"}, then ${after.pids ?? "?"}`);
  tellAnswers(t, "meanwhile", answers);
}

function tellAnswers(t: TestContext, when: string, { count, medianMs, slowestMs }: Answers): void {
  t.diagnostic(`${when} the neighbour ran ${count} commands: median ${medianMs} ms, slowest ${slowestMs} ms`);
}
