/** Making a warm base fails after every step: nothing is left of it, and the next one comes into being. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Shelf, warmBase } from "@roost/host-agent/testing";
import { machineState } from "../machine-state/machine-state.ts";
import { failWarmBaseAfter, orderOf } from "./failing-warm-base.ts";
import { openFaultsGround, smallSpec } from "./faults-ground.ts";

test("a warm base whose making fails at any step", async (t) => {
  await using ground = await openFaultsGround();
  const shelf = new Shelf(ground.parts);
  const spec = smallSpec();
  const whole = async () => {
    await warmBase(ground.parts, shelf, orderOf(spec), new AbortController().signal);
    const base = await shelf.find(spec.template, spec);
    assert(base);
    await shelf.remove(base);
    await ground.parts.slots.settled();
  };
  await whole(); // Its image's folder stays.
  const before = await machineState(ground.scope);
  for (let step = 0, done = false; !done; step++) {
    await t.test(`step ${step}`, async () => {
      const { names } = await failWarmBaseAfter(ground, spec, step, before);
      done = names.length <= step;
    });
  }
  await whole();
});
