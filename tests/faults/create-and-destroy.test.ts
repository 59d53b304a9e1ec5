/**
 * Create and destroy are made to fail after every step; the machine must be as it was, and the next call must work. With the real
 * drivers, on real microVMs: it is the agent without its RPC service.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createSandbox, destroySandbox, type Parts, reconcile } from "@roost/host-agent/testing";
import { machineState } from "../machine-state/machine-state.ts";
import { DyingSteps, FailingSteps, PlantedFailure } from "./failing-steps.ts";
import { type FaultsGround, openFaultsGround, smallSpec } from "./faults-ground.ts";

const NEVER = new AbortController().signal;
const EVERY_STEP = Number.POSITIVE_INFINITY;

describe("an operation that fails at any step", () => {
  let ground: FaultsGround;
  let parts: Parts;
  let scope: FaultsGround["scope"];

  before(async () => {
    ground = await openFaultsGround();
    ({ parts, scope } = ground);
  });

  after(() => ground?.[Symbol.asyncDispose]());

  /** How many steps an operation has, by running it whole. */
  async function run(steps: FailingSteps, operation: (parts: Parts) => Promise<unknown>): Promise<string[]> {
    await operation({ ...parts, steps: () => steps });
    return steps.names;
  }

  test("create: nothing remains, and the next create works", async (t) => {
    const atRest = await machineState(scope);
    const whole = smallSpec();
    const names = await run(new FailingSteps(EVERY_STEP), (with_) => createSandbox(with_, whole, new Date(), NEVER));
    await destroySandbox(parts, whole.id, undefined);
    assert.deepEqual(await machineState(scope), atRest);
    assert(names.length >= 9, names.join());
    for (const [step, name] of names.entries()) {
      await t.test(`after ${name}`, async () => {
        const operation = run(new FailingSteps(step), (with_) => createSandbox(with_, smallSpec(), new Date(), NEVER));
        await assert.rejects(operation, PlantedFailure);
        assert.deepEqual(await machineState(scope), atRest);
        assert.equal(parts.admission.load().sandboxes, 0);
      });
    }
  });

  test("destroy: called again it completes, and nothing remains", async (t) => {
    const atRest = await machineState(scope);
    for (let step = 0; ; step++) {
      const sandbox = smallSpec();
      const running = await createSandbox(parts, sandbox, new Date(), NEVER);
      const steps = new FailingSteps(step);
      const failed = await destroySandbox({ ...parts, steps: () => steps }, sandbox.id, running).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failed === undefined) break;
      await t.test(`after ${steps.names.at(-1)}`, async () => {
        assert(failed instanceof PlantedFailure);
        await destroySandbox(parts, sandbox.id, running);
        assert.deepEqual(await machineState(scope), atRest);
      });
    }
  });

  test("an agent that died in the middle of a create removes what it left, when it starts", async (t) => {
    const atRest = await machineState(scope);
    const names = await run(new FailingSteps(EVERY_STEP), async (with_) => {
      const sandbox = smallSpec();
      await createSandbox(with_, sandbox, new Date(), NEVER);
      await destroySandbox(parts, sandbox.id, undefined);
    });
    const made = names.indexOf("record");
    for (const [step, name] of names.entries()) {
      if (step < made || name === "keep") continue; // After "keep" the sandbox lives: tests/stories/lives.test.ts.
      await t.test(`after ${name}`, async () => {
        const sandbox = smallSpec();
        const dying = new DyingSteps(step);
        void createSandbox({ ...parts, steps: () => dying }, sandbox, new Date(), NEVER);
        await dying.dead;
        parts.admission.release(sandbox.id);
        assert.deepEqual(await reconcile(parts), []);
        assert.deepEqual(await machineState(scope), atRest);
      });
    }
  });
});
