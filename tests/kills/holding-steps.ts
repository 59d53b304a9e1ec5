/**
 * Loaded into a host agent (`node --import holding-steps.ts?folder=…`): writes down every step of every operation on a sandbox, and holds
 * those that a test wants held, after they were done, for as long as it likes. No product code knows of it: it takes hold of the steps
 * that every operation is made of.
 *
 * `<folder>/steps` has a line for each step, `<sandbox> <operation>/<step>`. A step is held if there is a file `<folder>/hold/<sandbox>`
 * with `<operation>/<step>` in it; when it is, the file is `<folder>/held/<sandbox>`, and once that is taken away it goes on.
 */
import { appendFileSync, existsSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";

const LOOK_AGAIN_MS = 20;
const folder = new URL(import.meta.url).searchParams.get("folder") ?? "";

interface Steps {
  readonly operation: string;
  readonly logger: { bindings(): { readonly sandbox?: string; readonly snapshot?: string } };
  run(name: string, step: () => unknown): Promise<unknown>;
}

function isToBeHeld(file: string, step: string): boolean {
  return existsSync(file) && readFileSync(file, "utf8") === step;
}

async function seen(subject: string, step: string): Promise<void> {
  appendFileSync(join(folder, "steps"), `${subject} ${step}\n`);
  const [hold, held] = [join(folder, "hold", subject), join(folder, "held", subject)];
  if (!isToBeHeld(hold, step)) return;
  renameSync(hold, held);
  while (existsSync(held)) await setTimeout(LOOK_AGAIN_MS);
}

function holdAsWanted(prototype: Steps): void {
  const run = prototype.run;
  prototype.run = async function (this: Steps, name, step) {
    const result = await run.call(this, name, step);
    const { sandbox, snapshot } = this.logger.bindings();
    await seen(sandbox ?? snapshot ?? "", `${this.operation}/${name}`);
    return result;
  };
}

const program = process.argv[1];
if (program?.endsWith("packages/host-agent/src/main.ts")) {
  const { TimedSteps } = (await import(join(dirname(program), "sandboxes/steps.ts"))) as {
    TimedSteps: { prototype: Steps };
  };
  holdAsWanted(TimedSteps.prototype);
}
