/** `./roost install`: only what is missing, shown as it goes. The first half of `up` and `test`, too. */
import type { WriteStream } from "node:tty";
import { LauncherFailure } from "../failure.ts";
import { type InstallOptions, install } from "../install/install.ts";
import { plainProgress, terminalProgress } from "../progress/progress.ts";
import type { Settings } from "../settings.ts";
import type { Machine } from "./machine.ts";

export async function installShown(
  settings: Settings,
  machine: Machine,
  extraPackages: InstallOptions["extraPackages"] = [],
): Promise<void> {
  needRoot(machine, "install packages and build base images");
  using progress = machine.stderr.isTTY
    ? terminalProgress(machine.stderr as WriteStream)
    : plainProgress((text) => machine.stderr.write(text));
  await install(settings, { onEvent: (event) => progress.event(event), signal: machine.interrupted, extraPackages });
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
