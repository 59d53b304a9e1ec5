/**
 * A whole Roost for a test, beside whatever else runs on the machine: `await using roost = await startInstance()`. Its own PostgreSQL,
 * control plane and host agent, supervised as under `./roost up`; when it is disposed of, nothing of it is left.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hostMark } from "@roost/protocol/ids";
import { LauncherFailure } from "./failure.ts";
import { placeFile } from "./files/durable.ts";
import { readIfThere } from "./files/presence.ts";
import { type Lot, takeLot } from "./instance/lot.ts";
import { CHECKOUT, homePaths, readSettings, type Settings } from "./settings.ts";
import { clearUp } from "./supervise/clear-up.ts";
import { logIn } from "./supervise/credentials.ts";
import { openEventLog } from "./supervise/event-log.ts";
import { joinedHostId } from "./supervise/membership.ts";
import { type RunningRoost, type ServiceName, startRoost } from "./supervise/roost.ts";

export interface InstanceOptions {
  /**
   * Settings of the servers (`ROOST_…`) that differ from their defaults. Warm bases are off, unless they are set here: so that nothing
   * comes and goes that the test has not asked for.
   */
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** One supervised process of an instance. */
export interface InstanceProcess {
  /** Undefined between two lives. */
  pid(): number | undefined;
  /** The supervisor starts another. */
  kill(signal: NodeJS.Signals): void;
}

export interface Instance extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
  readonly databaseUrl: string;
  /** ROOST_HOME, the agent's ROOST_DATA, and its ROOST_RUN. */
  readonly home: string;
  readonly dataFolder: string;
  readonly runFolder: string;
  readonly hostId: string;
  /** Begins the names of all kernel objects of this instance. */
  readonly mark: string;
  readonly uidBase: number;
  readonly agent: InstanceProcess;
  readonly controlPlane: InstanceProcess;
  readonly postgres: InstanceProcess;
  /** A fresh session token of the admin. */
  adminToken(): Promise<string>;
  /** What launcher and servers have logged so far, for a failing test's message. */
  logs(): Promise<string>;
  /** As `./roost down`: pauses sandboxes, stops everything. Disposal does it, too, and deletes the home. */
  down(): Promise<void>;
  /** As `./roost up` after that. */
  up(): Promise<void>;
}

export async function startInstance(options: InstanceOptions = {}): Promise<Instance> {
  const signal = options.signal ?? new AbortController().signal;
  await using stack = new AsyncDisposableStack();
  const lot = stack.use(await takeLot());
  await clearUpAfterKilledTest(lot, signal);
  const settings = instanceSettings(
    lot,
    join(CHECKOUT, ".roost", "tests", randomBytes(4).toString("hex")),
    options.environment,
  );
  await mkdir(settings.home, { recursive: true, mode: 0o700 });
  await writeFile(homeFile(lot), settings.home);
  await handOnVmmChoice(sharedVmmChoice(settings), vmmChoice(settings));
  stack.defer(async () => {
    await forget(settings, lot);
  });
  const log = stack.use(
    openEventLog(
      settings,
      () => {},
      () => new Date(),
    ),
  );
  const start = () =>
    startRoost(settings, (event) => log.event(event), signal).catch(async (error: unknown) => {
      throw new LauncherFailure(`the test's Roost did not start\n${await logsOf(settings)}`, { cause: error });
    });
  const run: Run = { roost: await start(), start };
  stack.defer(() => run.roost.stop());
  await handOnVmmChoice(vmmChoice(settings), sharedVmmChoice(settings));
  return instanceOf(settings, run, await hostIdOf(settings), stack.move());
}

/** The Roost that runs now, and how another is started in its place. */
interface Run {
  roost: RunningRoost;
  readonly start: () => Promise<RunningRoost>;
}

function instanceOf(settings: Settings, run: Run, hostId: string, stack: AsyncDisposableStack): Instance {
  const { url, apiKey, adminEmail, adminPassword } = run.roost.credentials;
  const processOf = (name: ServiceName): InstanceProcess => ({
    pid: () => run.roost.services.get(name)?.pid,
    kill: (signal) => run.roost.services.get(name)?.kill(signal),
  });
  return {
    ...{ url, apiKey, adminEmail, adminPassword, databaseUrl: run.roost.databaseUrl, hostId, mark: hostMark(hostId) },
    home: settings.home,
    dataFolder: homePaths.agentData(settings),
    runFolder: settings.environment.ROOST_RUN ?? "",
    uidBase: Number(settings.environment.ROOST_VMM_UID_BASE),
    agent: processOf("host-agent"),
    controlPlane: processOf("control-plane"),
    postgres: processOf("postgres"),
    adminToken: () => logIn(settings, run.roost.credentials, new AbortController().signal),
    logs: () => logsOf(settings),
    down: () => run.roost.stop(),
    up: async () => {
      run.roost = await run.start();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function instanceSettings(lot: Lot, home: string, environment: InstanceOptions["environment"] = {}): Settings {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const quiet = { ROOST_WARM_BASES: "off", ROOST_SPARE_SLOTS: "2" };
  return readSettings({ ...quiet, ...inherited, ...lot.environment, ...environment, ROOST_HOME: home });
}

/** A test that was killed could not stop its Roost. Whoever takes its number next finds its home here. */
async function clearUpAfterKilledTest(lot: Lot, signal: AbortSignal): Promise<void> {
  const home = await readIfThere(homeFile(lot));
  if (home === undefined) return;
  const settings = instanceSettings(lot, home);
  await clearUp(settings, () => {}, signal);
  await forget(settings, lot);
}

/** What the agent has found out about this machine by booting guests; it checks itself whether that still holds. */
function vmmChoice(settings: Settings): string {
  return join(homePaths.agentData(settings), "host", "vmm-choice.json");
}

/** Handed on from test to test, so that only the first one waits for the trial. */
function sharedVmmChoice(settings: Settings): string {
  return join(dirname(settings.home), "vmm-choice.json");
}

async function handOnVmmChoice(from: string, to: string): Promise<void> {
  const choice = await readIfThere(from);
  if (choice === undefined) return;
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  await placeFile(to, choice, 0o600);
}

async function forget(settings: Settings, lot: Lot): Promise<void> {
  await rm(settings.home, { recursive: true, force: true });
  await rm(lot.environment.ROOST_RUN, { recursive: true, force: true });
  await rm(homeFile(lot), { force: true });
}

function homeFile(lot: Lot): string {
  return join(lot.folder, "home");
}

async function hostIdOf(settings: Settings): Promise<string> {
  const id = await joinedHostId(settings);
  if (id === undefined) throw new LauncherFailure("the host is online, but its agent has no identity");
  return id;
}

async function logsOf(settings: Settings): Promise<string> {
  const folder = homePaths.logs(settings);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".log")).sort();
  const texts = await Promise.all(
    names.map(async (name) => `--- ${name}\n${await readFile(join(folder, name), "utf8")}`),
  );
  return texts.join("\n");
}
