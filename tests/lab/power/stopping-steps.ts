/**
 * Loaded into a host agent (`node --import`) on a lab's host: operations stop for ever after the step that a test has planned for them,
 * so that the power can be cut just there. No product code knows of it: it takes hold of the steps that every operation is made of.
 *
 * A plan is an empty file `<operation>.<number>.<step>`; an operation that begins takes the first of its kind. When it has come to its
 * step, the file is in `reached`.
 */
import { readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const PLANS = "/run/lab-power/plans";
const REACHED = "/run/lab-power/reached";
/** What an operation begins with tells which it is. */
const FIRST_STEPS: Readonly<Record<string, string>> = {
  image: "create",
  record: "destroy",
  mark: "pause",
  generation: "resume",
};

interface Steps {
  run(name: string, step: () => unknown): Promise<unknown>;
}

function takePlan(operation: string | undefined): string | undefined {
  const plan = readdirSync(PLANS)
    .sort()
    .find((name) => name.startsWith(`${operation}.`));
  if (plan !== undefined) renameSync(join(PLANS, plan), join(PLANS, `.${plan}`));
  return plan;
}

function stopAsPlanned(prototype: Steps): void {
  const run = prototype.run;
  const plans = new WeakMap<Steps, { readonly plan: string | undefined }>();
  prototype.run = async function (this: Steps, name, step) {
    const known = plans.get(this) ?? { plan: takePlan(FIRST_STEPS[name]) };
    plans.set(this, known);
    const result = await run.call(this, name, step);
    if (known.plan?.split(".")[2] !== name) return result;
    writeFileSync(join(REACHED, known.plan), "");
    return await new Promise(() => {});
  };
}

const agent = process.argv[1];
if (agent?.endsWith("packages/host-agent/src/main.ts")) {
  const { TimedSteps } = (await import(join(dirname(agent), "sandboxes/steps.ts"))) as {
    TimedSteps: { prototype: Steps };
  };
  stopAsPlanned(TimedSteps.prototype);
}
