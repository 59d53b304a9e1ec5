/** The whole installation: which steps there are, one launcher at a time in a cache, progress told to whoever watches. */
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { lock } from "../programs/file-lock.ts";
import type { Settings } from "../settings.ts";
import { baseImageSteps } from "./base-images.ts";
import { DEBIAN_PACKAGES, debianPackagesStep } from "./debian-packages.ts";
import { initramfsStep } from "./initramfs.ts";
import { kernelStep } from "./kernel.ts";
import { nativeProgramsStep } from "./native-programs.ts";
import { nodePackagesStep } from "./node-packages.ts";
import { postgresqlStep } from "./postgresql.ts";
import { runSteps, type Step, type StepEvent } from "./step.ts";
import { vmmRootStep } from "./vmm-root.ts";

export interface InstallOptions {
  readonly onEvent: (event: StepEvent) => void;
  readonly signal: AbortSignal;
  /** Debian packages beyond those that running a Roost takes. */
  readonly extraPackages?: readonly string[];
  /** After all that running a Roost takes. */
  readonly furtherSteps?: readonly Step[];
}

/** Everything that running a Roost takes; what is there already costs a look. */
export async function install(settings: Settings, options: InstallOptions): Promise<void> {
  const waited = (line: string) => () => options.onEvent({ kind: "said", step: "installation", line });
  // node_modules belongs to the checkout, everything else to the cache; always taken in this order.
  await using _checkout = await lock(
    join(settings.checkout, ".roost", "install.lock"),
    waited("waiting for another launcher in this checkout"),
    options.signal,
  );
  await using _cache = await lock(
    join(settings.cache, "install.lock"),
    waited(`waiting for another launcher that works in ${settings.cache}`),
    options.signal,
  );
  const steps = await allSteps(settings, [...DEBIAN_PACKAGES, ...(options.extraPackages ?? [])]);
  const names = steps.map(({ name }) => name);
  const further = (options.furtherSteps ?? []).map((step) => ({ ...step, after: [...names, ...step.after] }));
  await runSteps([...steps, ...further], {
    onEvent: options.onEvent,
    signal: options.signal,
    now: () => performance.now(),
  });
}

async function allSteps(settings: Settings, debianPackages: readonly string[]): Promise<Step[]> {
  return [
    nodePackagesStep(settings),
    debianPackagesStep(settings, debianPackages),
    kernelStep(settings),
    vmmRootStep(settings),
    postgresqlStep(settings),
    nativeProgramsStep(settings),
    initramfsStep(settings),
    ...(await baseImageSteps(settings)),
  ];
}
