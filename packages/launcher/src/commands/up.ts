/**
 * `./roost up`: installs what is missing, then runs a Roost, here in the foreground until Ctrl-C, or (`--detach`) in a process that goes
 * on when this one returns.
 */
import { LauncherFailure } from "../failure.ts";
import type { Settings } from "../settings.ts";
import { type Credentials, credentialsToJson, readCredentials } from "../supervise/credentials.ts";
import { runningLauncher } from "../supervise/launcher-record.ts";
import { startDetached } from "./detached.ts";
import { installShown, needRoot } from "./install.ts";
import type { Machine } from "./machine.ts";
import { superviseHere } from "./supervise.ts";

export interface UpOptions {
  readonly detach: boolean;
  readonly json: boolean;
}

export async function up(settings: Settings, machine: Machine, options: UpOptions): Promise<void> {
  needRoot(machine, "run microVMs");
  const running = await runningLauncher(settings);
  if (running !== undefined) {
    if (!running.ready) throw new LauncherFailure(`process ${running.pid} is already starting this Roost: wait for it`);
    machine.stderr.write(`Roost already runs here, as process ${running.pid}.\n`);
    return show(machine, await keptCredentials(settings), options);
  }
  await installShown(settings, machine);
  if (options.detach) {
    await startDetached(settings, machine);
    return show(machine, await keptCredentials(settings), options);
  }
  const watch = (line: string) => machine.stderr.write(`${line}\n`);
  await superviseHere(settings, machine, watch, (credentials) => show(machine, credentials, options));
}

function show(machine: Machine, credentials: Credentials, { detach, json }: UpOptions): void {
  const lines = [
    `Roost is up at ${credentials.url}`,
    `  API key    ${credentials.apiKey}`,
    `  admin      ${credentials.adminEmail}, password ${credentials.adminPassword}`,
    "  try        ./roost create, then ./roost exec <id> -- uname -a",
    `  stop       ${detach ? "./roost down" : "Ctrl-C, or ./roost down"} (pauses running sandboxes)`,
  ];
  if (json) machine.stdout.write(`${JSON.stringify(credentialsToJson(credentials))}\n`);
  else machine.stdout.write(`${lines.join("\n")}\n`);
}

async function keptCredentials(settings: Settings): Promise<Credentials> {
  const credentials = await readCredentials(settings);
  if (credentials === undefined) throw new LauncherFailure(`${settings.home}/credentials.json is missing or damaged`);
  return credentials;
}
