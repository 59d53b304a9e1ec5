/** A Roost whose agent's operations can be held after any of their steps; see holding-steps.ts. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Instance, startInstance } from "@roost/launcher/instance";
import { Roost } from "@roost/sdk";
import { until } from "../stories/until.ts";

export interface HeldOperations extends AsyncDisposable {
  readonly instance: Instance;
  readonly roost: Roost;
  /** The steps that a sandbox's (or snapshot's) operations have taken so far, as `pause/save`. */
  stepsOf(subject: string): Promise<string[]>;
  /** Its operation is to stand still after this step. */
  hold(subject: string, step: string): Promise<void>;
  /** Until it does. */
  isHeld(subject: string): Promise<void>;
  /** It goes on, or need not be held any more. */
  release(subject: string): Promise<void>;
}

export async function startHeldRoost(environment: Readonly<Record<string, string>> = {}): Promise<HeldOperations> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "roost-held-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  for (const name of ["hold", "held"]) await mkdir(join(folder, name));
  const program = pathToFileURL(join(import.meta.dirname, "holding-steps.ts"));
  program.searchParams.set("folder", folder);
  const instance = stack.use(
    await startInstance({ environment: { ...environment, NODE_OPTIONS: `--import=${program.href}` } }),
  );
  const there = async (name: string, subject: string): Promise<boolean> =>
    (await readdir(join(folder, name))).includes(subject);
  const made = stack.move();
  return {
    instance,
    roost: new Roost(instance),
    stepsOf: async (subject) => {
      const lines = (await readFile(join(folder, "steps"), "utf8")).split("\n").map((line) => line.split(" "));
      return lines.filter(([of]) => of === subject).map(([, ...step]) => step.join(" "));
    },
    hold: (subject, step) => writeFile(join(folder, "hold", subject), step),
    isHeld: async (subject) =>
      void (await until(`${subject} is held`, async () => ((await there("held", subject)) ? true : undefined))),
    release: async (subject) => {
      for (const name of ["hold", "held"]) await rm(join(folder, name, subject), { force: true });
    },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}
