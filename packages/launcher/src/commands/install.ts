/** `./roost install`: only what is missing, shown as it goes. The first half of `up` and `test`, too. */
import type { WriteStream } from "node:tty";
import { LauncherFailure } from "../failure.ts";
import { TEST_PACKAGES } from "../install/debian-packages.ts";
import { type InstallOptions, install } from "../install/install.ts";
import type { Step, StepEvent } from "../install/step.ts";
import { labSteps } from "../lab/lab-steps.ts";
import { plainProgress, terminalProgress } from "../progress/progress.ts";
import type { Settings } from "../settings.ts";
import type { Machine } from "./machine.ts";

export async function installShown(
  settings: Settings,
  machine: Machine,
  extraPackages: InstallOptions["extraPackages"] = [],
  furtherSteps: readonly Step[] = [],
): Promise<void> {
  needRoot(machine, "install packages and build base images");
  using progress = machine.stderr.isTTY
    ? terminalProgress(machine.stderr as WriteStream)
    : plainProgress((text) => machine.stderr.write(text));
  const onEvent = (event: StepEvent) => progress.event(event);
  await install(settings, { onEvent, signal: machine.interrupted, extraPackages, furtherSteps });
}

/** What a lab's hosts start from, too. */
export function installLabShown(
  settings: Settings,
  machine: Machine,
  furtherSteps: readonly Step[] = [],
): Promise<void> {
  return installShown(settings, machine, TEST_PACKAGES, [...labSteps(settings), ...furtherSteps]);
}

/** One message says what needs root, and why. */
export function needRoot(machine: Machine, forWhat: string): void {
  if (machine.uid === 0) return;
  throw new LauncherFailure(
    `this needs root, to ${forWhat}: a sandbox is a microVM with a network namespace, a cgroup and a user of its own, ` +
      "and only root makes those. PostgreSQL, the control plane and each VM then run as users without rights. " +
      "Run it again with sudo. (The client commands, such as ./roost create, need no root.)",
  );
}
