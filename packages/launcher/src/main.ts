/**
 * The launcher, as `./roost` starts it: Node is there, maybe nothing else. No package may be imported before the node packages
 * have been installed, so the commands that need one are loaded when they are run.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseCommandLine } from "./command-line.ts";
import { admin } from "./commands/admin.ts";
import { backup } from "./commands/backup.ts";
import { bench } from "./commands/bench.ts";
import { config } from "./commands/config.ts";
import { superviseDetached } from "./commands/detached.ts";
import { dev } from "./commands/dev.ts";
import { down } from "./commands/down.ts";
import { installShown } from "./commands/install.ts";
import { lab } from "./commands/lab.ts";
import type { Machine } from "./commands/machine.ts";
import { restore } from "./commands/restore.ts";
import { test } from "./commands/test.ts";
import { up } from "./commands/up.ts";
import { LauncherFailure } from "./failure.ts";
import { CHECKOUT, readSettings } from "./settings.ts";

async function main(): Promise<void> {
  const command = parseCommandLine(process.argv.slice(2));
  if (command.name === "help") {
    process.stdout.write(command.text);
    return;
  }
  process.umask(0o022);
  const dotenv = join(CHECKOUT, ".env");
  if (existsSync(dotenv)) process.loadEnvFile(dotenv);
  const settings = readSettings(process.env);
  const interruption = new AbortController();
  const machine: Machine = {
    uid: process.getuid?.() ?? -1,
    stdout: process.stdout,
    stderr: process.stderr,
    interrupted: interruption.signal,
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => interruption.abort(new LauncherFailure("interrupted")));
  }
  switch (command.name) {
    case "config":
      return config(settings, machine, command);
    case "install":
      return installShown(settings, machine);
    case "up":
      return up(settings, machine, command);
    case "supervise":
      return superviseDetached(settings, machine);
    case "down":
      return down(settings, machine);
    case "dev":
      return dev(settings, machine);
    case "test":
      return test(settings, machine, command);
    case "bench":
      return bench(settings, machine, command.args);
    case "admin":
      process.exitCode = await admin(settings, machine, command.args);
      return;
    case "backup":
      return backup(settings, machine, command.file);
    case "restore":
      return restore(settings, machine, command.file);
    case "lab":
      return lab(settings, machine, command.action);
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof LauncherFailure)) throw error;
  process.stderr.write(`roost: ${error.message}\n${error.byHand === undefined ? "" : `By hand: ${error.byHand}\n`}`);
  process.exitCode = 1;
}
