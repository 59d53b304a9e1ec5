/**
 * Pause and resume are made to fail after every step, and their agent to die there. Afterwards the sandbox runs, or is paused, with
 * everything: never half. With the real drivers, on a real microVM that counts.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  createSandbox,
  destroySandbox,
  freezeSandbox,
  type Parts,
  type Paused,
  type RunningSandbox,
  reconcile,
  resumeSandbox,
} from "@roost/host-agent/testing";
import { machineState } from "../machine-state/machine-state.ts";
import { DyingSteps, FailingSteps, PlantedFailure } from "./failing-steps.ts";
import { type FaultsGround, openFaultsGround, smallSpec } from "./faults-ground.ts";

const NEVER = new AbortController().signal;
const EVERY_STEP = Number.POSITIVE_INFINITY;
const COUNTING = "i=0; while true; do i=$((i+1)); echo $i > /tmp/new; mv /tmp/new /tmp/count; sleep 0.02; done";

describe("a sandbox whose freezing or waking fails at any step", () => {
  let ground: FaultsGround;
  let parts: Parts;
  const { id, ...rest } = smallSpec();
  let running: RunningSandbox;

  before(async () => {
    ground = await openFaultsGround();
    parts = ground.parts;
    running = await createSandbox(parts, { id, ...rest }, new Date(), NEVER);
    await sh(`setsid sh -c '${COUNTING}' > /dev/null 2>&1 < /dev/null & until test -e /tmp/count; do sleep 0.1; done`);
  });

  after(async () => {
    if (ground) await destroySandbox(parts, id, undefined);
    await ground?.[Symbol.asyncDispose]();
  });

  async function sh(script: string): Promise<string> {
    const request = { cmd: "sh", args: ["-c", script], env: {}, cwd: "", user: "root" };
    const limits = { stdin: Buffer.alloc(0), timeoutMs: 120_000, outputLimitBytes: 65_536 };
    const { stdout } = await running.envd.exec({ ...request, ...limits }, NEVER);
    return stdout.toString();
  }

  /** It runs, it counts, and it has lost nothing of its count. */
  async function goesOn(since: number): Promise<number> {
    const later = `until test $(cat /tmp/count) -gt ${since}; do sleep 0.05; done; cat /tmp/count`;
    const count = Number(await sh(later));
    assert(count > since && count < since + 100_000);
    return count;
  }

  const count = async (): Promise<number> => Number(await sh("cat /tmp/count"));
  const freeze = (steps: FailingSteps) => freezeSandbox({ ...parts, steps: () => steps }, id, running, NEVER);
  const wake = (steps: FailingSteps) => resumeSandbox({ ...parts, steps: () => steps }, id, "memory", NEVER);

  async function pauseWhole(): Promise<void> {
    const { free } = await freezeSandbox(parts, id, running, NEVER);
    await free();
    await parts.slots.settled();
  }

  /** Files beside those that the guest or the logs change. */
  async function files(): Promise<string[]> {
    return (await machineState(ground.scope)).filter((line) => /\/(generations\/|save\/|frozen)/.test(line));
  }

  test("pause: it goes on as if nothing had been, and the next pause works (S1)", async (t) => {
    const before = await files();
    for (let step = 0; step < EVERY_STEP; step++) {
      const steps = new FailingSteps(step);
      const reached = await count();
      const outcome = await freeze(steps).catch((error: unknown) => error);
      if (!(outcome instanceof Error)) {
        const { free } = outcome as Paused;
        await free().catch(free); // Its first step is the next to fail.
        break;
      }
      await t.test(`after ${steps.names.at(-1)}`, async () => {
        assert(outcome instanceof PlantedFailure, String(outcome));
        await goesOn(reached);
        assert.deepEqual(await files(), before);
      });
    }
    running = await wake(new FailingSteps(EVERY_STEP));
    await goesOn(0);
  });

  test("what was frozen is freed in the end, at whatever step freeing it fails (S1)", async (t) => {
    const whole = new FailingSteps(EVERY_STEP);
    const { free } = await freeze(whole);
    const frozen = whole.names.length;
    await free();
    await parts.slots.settled();
    const atRest = await machineState(ground.scope);
    for (let step = frozen; step < whole.names.length; step++) {
      running = await wake(new FailingSteps(EVERY_STEP));
      const reached = await count();
      const steps = new FailingSteps(step);
      const paused = await freeze(steps);
      await t.test(`after ${whole.names[step]}`, async () => {
        await assert.rejects(paused.free(), PlantedFailure);
        await paused.free();
        await parts.slots.settled();
        assert.deepEqual(besideGenerations(await machineState(ground.scope)), besideGenerations(atRest));
        running = await wake(new FailingSteps(EVERY_STEP));
        await goesOn(reached);
        await pauseWhole();
      });
    }
    running = await wake(new FailingSteps(EVERY_STEP));
  });

  test("resume: it is paused as before, and the next resume works (S2, S10)", async (t) => {
    const reached = await count();
    await pauseWhole();
    const atRest = await machineState(ground.scope);
    for (let step = 0; step < EVERY_STEP; step++) {
      const steps = new FailingSteps(step);
      const failed: unknown = await wake(steps).then(
        (woken) => {
          running = woken;
          return undefined;
        },
        (error: unknown) => error,
      );
      if (failed === undefined) break;
      await t.test(`after ${steps.names.at(-1)}`, async () => {
        assert(failed instanceof PlantedFailure, String(failed));
        assert.deepEqual(await machineState(ground.scope), atRest);
        assert.equal(parts.admission.load().sandboxes, 0);
      });
    }
    await goesOn(reached);
  });

  test("an agent that dies in the middle of a pause: the next one has it running or paused, with everything", async (t) => {
    const names = await stepsOf((steps) => freeze(steps).then(({ free }) => free()));
    running = await wake(new FailingSteps(EVERY_STEP));
    for (const [step, name] of names.entries()) {
      await t.test(`after ${name}`, async () => {
        const reached = await count();
        const dying = new DyingSteps(step);
        const frozen = freeze(dying).then(({ free }) => free());
        await Promise.race([dying.dead, frozen]);
        letGo();
        const [found] = await reconcile(parts);
        assert(found?.state === "running" || found?.state === "paused", String(found?.state));
        running = found.state === "running" ? found.running : await wake(new FailingSteps(EVERY_STEP));
        await goesOn(reached);
      });
    }
  });

  test("an agent that dies in the middle of a resume: the next one has it paused, with everything", async (t) => {
    await pauseWhole();
    const names = await stepsOf(async (steps) => {
      running = await wake(steps);
    });
    for (const [step, name] of names.entries()) {
      // After "keep" it runs, and an agent that finds it so is in tests/stories/lives.test.ts: here the dead one still holds QMP.
      if (name === "keep") continue;
      await t.test(`after ${name}`, async () => {
        const reached = await count();
        await pauseWhole();
        const dying = new DyingSteps(step);
        void wake(dying);
        await dying.dead;
        parts.admission.release(id);
        assert.deepEqual(
          (await reconcile(parts)).map(({ state }) => state),
          ["paused"],
        );
        running = await wake(new FailingSteps(EVERY_STEP));
        await goesOn(reached);
      });
    }
  });

  async function stepsOf(operation: (steps: FailingSteps) => Promise<unknown>): Promise<string[]> {
    const steps = new FailingSteps(EVERY_STEP);
    await operation(steps);
    return steps.names;
  }

  function letGo(): void {
    running.machine[Symbol.dispose]();
    parts.admission.release(id);
  }
});

/** Each pause adds to those. */
function besideGenerations(state: readonly string[]): string[] {
  return state.filter((line) => !line.includes("/generations/"));
}
