/**
 * Making a warm base is made to fail, its agent to die, and a warm base to be spoilt: nothing of it is left, sandboxes are made all the
 * same, and the next warm base comes into being. `warm-bases.long.test.ts` fails every step of it.
 */
import assert from "node:assert/strict";
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createSandbox, destroySandbox, reconcile, Shelf, warmBase } from "@roost/host-agent/testing";
import { machineState } from "../machine-state/machine-state.ts";
import { DyingSteps, FailingSteps } from "./failing-steps.ts";
import { failWarmBaseAfter, orderOf } from "./failing-warm-base.ts";
import { type FaultsGround, openFaultsGround, smallSpec } from "./faults-ground.ts";

const NEVER = new AbortController().signal;
const EVERY_STEP = Number.POSITIVE_INFINITY;
const SPEC = smallSpec();

describe("a warm base", () => {
  let ground: FaultsGround;
  let shelf: Shelf;

  before(async () => {
    ground = await openFaultsGround();
    shelf = new Shelf(ground.parts);
  });

  after(async () => {
    await ground?.[Symbol.asyncDispose]();
  });

  const find = () => shelf.find(SPEC.template, SPEC);

  test("is not there when its making failed, nor anything else of it; the next one is", async (t) => {
    const steps = new FailingSteps(EVERY_STEP);
    await warmBase({ ...ground.parts, steps: () => steps }, shelf, orderOf(SPEC), NEVER);
    const base = await find();
    assert(base, "it is there");
    await shelf.remove(base);
    await ground.parts.slots.settled();
    const before = await machineState(ground.scope);
    for (const name of ["seal", "cgroup"]) {
      const step = steps.names.lastIndexOf(name);
      await t.test(`after ${name}`, async () => void (await failWarmBaseAfter(ground, SPEC, step, before)));
    }
  });

  test("that was being made goes when a sandbox needs its memory, and when its agent dies", async (t) => {
    const before = await machineState(ground.scope);
    await t.test("given up", async () => {
      const needed = new AbortController();
      const order = orderOf(SPEC, () => needed.abort(new Error("needed")));
      const steps = new DyingSteps(EVERY_STEP);
      const run = steps.run.bind(steps);
      steps.run = async (name, step) => {
        if (name === "boot") order.shape.giveWay?.();
        return await run(name, step);
      };
      await assert.rejects(warmBase({ ...ground.parts, steps: () => steps }, shelf, order, needed.signal), /needed/);
      assert.deepEqual(await machineState(ground.scope), before);
    });
    for (const name of ["machine", "save"]) {
      await t.test(`its agent died after ${name}`, async () => {
        const dying = new DyingAfter(name);
        void warmBase({ ...ground.parts, steps: () => dying }, shelf, orderOf(SPEC), NEVER);
        await dying.dead;
        assert.deepEqual(await reconcile(ground.parts), []);
        assert.deepEqual(await machineState(ground.scope), before);
      });
    }
  });

  test("that cannot be woken is given up, and the sandbox boots", async () => {
    await warmBase(ground.parts, shelf, orderOf(SPEC), NEVER);
    const base = await find();
    assert(base);
    await ground.parts.slots.settled();
    const before = await machineState(ground.scope);
    const warmBases = {
      find: (image: string) => shelf.find(image, SPEC),
      giveUp: (spoilt: typeof base) => shelf.remove(spoilt),
      want: () => assert.fail("there was one"),
    };
    const made = async (): Promise<boolean> => {
      const running = await createSandbox(ground.parts, SPEC, new Date(), NEVER, warmBases);
      await destroySandbox(ground.parts, SPEC.id, running);
      return running.wokenFrom !== undefined;
    };
    assert.equal(await made(), true);
    assert.deepEqual(await machineState(ground.scope), before);
    await truncate(join(base.folder, "vmstate"), 100);
    assert.equal(await made(), false);
    assert.equal(await find(), undefined);
  });
});

class DyingAfter extends DyingSteps {
  readonly #name: string;

  constructor(name: string) {
    super(0);
    this.#name = name;
  }

  override async run<T>(name: string, step: () => Promise<T> | T): Promise<T> {
    return name === this.#name ? await super.run(name, step) : await step();
  }
}
