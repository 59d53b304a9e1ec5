/**
 * A step of the installation: something that this machine must have before Roost can run, and how it comes to be. Steps
 * form a graph; each starts as soon as those it builds on are there.
 */
import { LauncherFailure, sentenceOf } from "../failure.ts";

export interface Step {
  /** Shown to people, and named by other steps: "kernel". */
  readonly name: string;
  /** Names of the steps that must be there first. */
  readonly after: readonly string[];
  /** One sentence: how a person does the same by hand when the launcher could not. */
  readonly byHand: string;
  /** A cheap look, well under a second: a second `up` asks this of every step. */
  isDone(signal: AbortSignal): Promise<boolean>;
  /** Makes it so; killed in the middle, it leaves nothing that `isDone` takes for done. */
  run(say: (line: string) => void, signal: AbortSignal): Promise<void>;
}

export type StepEvent =
  | { readonly kind: "started" | "present"; readonly step: string }
  | { readonly kind: "said"; readonly step: string; readonly line: string }
  | { readonly kind: "done"; readonly step: string; readonly elapsedMs: number }
  | { readonly kind: "failed"; readonly step: string; readonly elapsedMs: number; readonly error: unknown }
  | { readonly kind: "skipped"; readonly step: string; readonly because: string };

export interface StepOptions {
  readonly onEvent: (event: StepEvent) => void;
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/**
 * Runs all steps. One that fails stops only those that build on it, so that one run shows everything that is missing; the
 * error then names every failed step and how to do it by hand.
 */
export async function runSteps(steps: readonly Step[], options: StepOptions): Promise<void> {
  const outcomes = new Map<string, Promise<boolean>>();
  const failures: { step: Step; error: unknown }[] = [];
  for (const step of steps) {
    const before = step.after.map((name) => {
      const outcome = outcomes.get(name);
      if (outcome === undefined)
        throw new TypeError(`step "${step.name}" builds on "${name}", which does not stand before it`);
      return outcome.then((done) => (done ? undefined : name));
    });
    outcomes.set(step.name, runOne(step, before, options, failures));
  }
  await Promise.all(outcomes.values());
  options.signal.throwIfAborted();
  if (failures.length > 0) throw installationFailure(failures);
}

async function runOne(
  step: Step,
  before: readonly Promise<string | undefined>[],
  { onEvent, signal, now }: StepOptions,
  failures: { step: Step; error: unknown }[],
): Promise<boolean> {
  const missing = (await Promise.all(before)).find((name) => name !== undefined);
  if (missing !== undefined) {
    onEvent({ kind: "skipped", step: step.name, because: missing });
    return false;
  }
  const startedAt = now();
  try {
    signal.throwIfAborted();
    if (await step.isDone(signal)) {
      onEvent({ kind: "present", step: step.name });
      return true;
    }
    onEvent({ kind: "started", step: step.name });
    await step.run((line) => onEvent({ kind: "said", step: step.name, line }), signal);
    onEvent({ kind: "done", step: step.name, elapsedMs: now() - startedAt });
    return true;
  } catch (error) {
    failures.push({ step, error });
    onEvent({ kind: "failed", step: step.name, elapsedMs: now() - startedAt, error });
    return false;
  }
}

function installationFailure(failures: readonly { step: Step; error: unknown }[]): LauncherFailure {
  const parts = failures.map(({ step, error }) => `${step.name}: ${sentenceOf(error)}\n  By hand: ${step.byHand}`);
  return new LauncherFailure(`the installation is not complete.\n${parts.join("\n")}`, { cause: failures[0]?.error });
}
