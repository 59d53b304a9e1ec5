/** A warm base whose making fails after some step. */
import assert from "node:assert/strict";
import { Shelf, warmBase } from "@roost/host-agent/testing";
import { machineState } from "../machine-state/machine-state.ts";
import { FailingSteps, PlantedFailure } from "./failing-steps.ts";
import type { FaultsGround, smallSpec } from "./faults-ground.ts";

export function orderOf(spec: ReturnType<typeof smallSpec>, giveWay = () => {}) {
  return { image: spec.template, shape: { vcpus: spec.vcpus, memoryMb: spec.memoryMb, giveWay } };
}

/** Afterwards the machine is as `before`; a failure in taking apart is made good, so there the base may be there, and is removed. */
export async function failWarmBaseAfter(
  { parts, scope }: FaultsGround,
  spec: ReturnType<typeof smallSpec>,
  step: number,
  before: readonly string[],
): Promise<FailingSteps> {
  const shelf = new Shelf(parts);
  const steps = new FailingSteps(step);
  const failure: unknown = await warmBase(
    { ...parts, steps: () => steps },
    shelf,
    orderOf(spec),
    new AbortController().signal,
  ).catch((error: unknown) => error);
  const base = await shelf.find(spec.template, spec);
  if (base) await shelf.remove(base);
  else assert(failure instanceof PlantedFailure, String(failure));
  await parts.slots.settled();
  assert.deepEqual(await machineState(scope), before);
  assert.deepEqual(parts.admission.load().sandboxes, 0);
  return steps;
}
