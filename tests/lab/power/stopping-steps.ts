/**
 * Brought into a host agent that runs on a lab's host (take-hold.ts): operations stop for ever after the step that a test has planned for
 * them, so that the power can be cut just there. No product code knows of it: it takes hold of the steps that every operation is made of.
 *
 * A plan is an empty file `<operation>.<number>.<step>`; an operation that begins takes the first of its kind. When it has come to its
 * step, the file is in `reached`.
 */
import { readdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Steps } from "@roost/host-agent/testing";

const PLANS = "/run/lab-power/plans";
const REACHED = "/run/lab-power/reached";

interface NamedSteps extends Steps {
  readonly operation: string;
}

function takePlan(operation: string): string | undefined {
  const plan = readdirSync(PLANS)
    .sort()
    .find((name) => name.startsWith(`${operation}.`));
  if (plan !== undefined) renameSync(join(PLANS, plan), join(PLANS, `.${plan}`));
  return plan;
}

/** That of the agent itself, whose program this is loaded into. */
const { TimedSteps } = createRequire(process.argv[1] ?? "")("./sandboxes/steps.ts") as {
  readonly TimedSteps: { readonly prototype: { run: Steps["run"] } };
};
const run = TimedSteps.prototype.run;
const plans = new WeakMap<Steps, { readonly plan: string | undefined }>();

TimedSteps.prototype.run = async function <T>(this: NamedSteps, name: string, step: () => Promise<T> | T): Promise<T> {
  const known = plans.get(this) ?? { plan: takePlan(this.operation) };
  plans.set(this, known);
  const result = await run.call(this, name, step);
  if (known.plan?.split(".")[2] !== name) return result as T;
  writeFileSync(join(REACHED, known.plan), "");
  return await new Promise<T>(() => {});
};
