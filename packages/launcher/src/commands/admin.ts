/**
 * `./roost admin …`: the control plane's own administration, on its machine only. Whoever may run it can read the database, and is
 * trusted already.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { databaseAtHand } from "../postgres/at-hand.ts";
import type { Settings } from "../settings.ts";
import { secretPath } from "../supervise/control-plane.ts";
import { serverEnvironment } from "../supervise/server-environment.ts";
import { needRoot } from "./install.ts";
import type { Machine } from "./machine.ts";

/** Those that look at settings only. */
const WITHOUT_DATABASE = new Set([undefined, "config"]);

/** Resolves to its exit status. */
export async function admin(settings: Settings, machine: Machine, args: readonly string[]): Promise<number> {
  requireInstallation(settings);
  if (WITHOUT_DATABASE.has(args[0])) return run(settings, undefined, args);
  needRoot(machine, "reach the database");
  await using database = await databaseAtHand(settings, machine.interrupted);
  return await run(settings, database.url, args);
}

async function run(settings: Settings, databaseUrl: string | undefined, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [adminScript(settings), ...args], {
    env: adminEnvironment(settings, databaseUrl),
    stdio: "inherit",
  });
  const [code] = await once(child, "exit");
  return code ?? 1;
}

export function requireInstallation({ checkout }: Settings): void {
  if (!existsSync(join(checkout, "node_modules"))) {
    throw new LauncherFailure("nothing is installed yet: run ./roost up first");
  }
}

export function adminScript({ checkout }: Settings): string {
  return join(checkout, "packages/control-plane/src/admin.ts");
}

export function adminEnvironment(settings: Settings, databaseUrl: string | undefined): Record<string, string> {
  return {
    ...serverEnvironment(settings.environment),
    ROOST_LISTEN: settings.listen,
    ROOST_METRICS_LISTEN: settings.metricsListen,
    ROOST_SECRET_FILE: secretPath(settings),
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
  };
}
