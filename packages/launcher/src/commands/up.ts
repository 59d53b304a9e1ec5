/**
 * `./roost up`: installs what is missing, then runs a Roost, here in the foreground until Ctrl-C, or (`--detach`) in a process that goes
 * on when this one returns.
 */
import { LauncherFailure } from "../failure.ts";
import { lockFolder } from "../programs/folder-lock.ts";
import type { Settings } from "../settings.ts";
import { type Credentials, credentialsToJson, readCredentials } from "../supervise/credentials.ts";
import { openEventLog } from "../supervise/event-log.ts";
import { removeLauncherRecord, runningLauncher, writeLauncherRecord } from "../supervise/launcher-record.ts";
import { startRoost } from "../supervise/roost.ts";
import { startDetached } from "./detached.ts";
import { installShown, needRoot } from "./install.ts";
import type { Machine } from "./machine.ts";

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

/** Runs a Roost in this process until it is interrupted. */
export async function superviseHere(
  settings: Settings,
  machine: Machine,
  watch: (line: string) => void,
  onReady: (credentials: Credentials) => void,
): Promise<void> {
  // Held as long as this process lives: of two that start at once, one runs.
  await using _lock = await lockFolder(
    settings.home,
    () => watch("waiting for another launcher of this Roost to end"),
    machine.interrupted,
  );
  await writeLauncherRecord(settings, { pid: process.pid, ready: false });
  using log = openEventLog(settings, watch, () => new Date());
  try {
    const roost = await startRoost(settings, (event) => log.event(event), machine.interrupted);
    try {
      await writeLauncherRecord(settings, { pid: process.pid, ready: true });
      onReady(roost.credentials);
      await aborted(machine.interrupted);
    } finally {
      await roost.stop();
    }
  } finally {
    await removeLauncherRecord(settings);
  }
}

function show(machine: Machine, credentials: Credentials, { detach, json }: UpOptions): void {
  const lines = [
    `Roost is up at ${credentials.url}`,
    `  API key    ${credentials.apiKey}`,
    `  admin      ${credentials.adminEmail}, password ${credentials.adminPassword}`,
    "  try        ./roost create, then ./roost exec <id> -- uname -a",
    `  stop       ${detach ? "./roost down" : "Ctrl-C, or ./roost down"} (destroys running sandboxes)`,
  ];
  if (json) machine.stdout.write(`${JSON.stringify(credentialsToJson(credentials))}\n`);
  else machine.stdout.write(`${lines.join("\n")}\n`);
}

async function keptCredentials(settings: Settings): Promise<Credentials> {
  const credentials = await readCredentials(settings);
  if (credentials === undefined) throw new LauncherFailure(`${settings.home}/credentials.json is missing or damaged`);
  return credentials;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
