/**
 * The control plane as a process: unprivileged, its code shown to it in the run folder (a copy of the sources that anyone may read,
 * and the node packages by a bind mount), its secret in a file that only it can read.
 */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyReadable } from "../files/copy-readable.ts";
import { placeFile } from "../files/durable.ts";
import { exists, readIfThere } from "../files/presence.ts";
import { homePaths, localUrl, type Settings } from "../settings.ts";
import { askUntil } from "./ask-until.ts";
import { type Bind, CONTROL_PLANE_USER, confined } from "./confined.ts";
import { serverEnvironment } from "./server-environment.ts";
import { SERVER_FLAGS } from "./server-flags.ts";
import { startService } from "./start-service.ts";

/** The packages whose sources it runs on. */
const PACKAGES = ["control-plane", "protocol"];

/** Puts code and secret where the confined process finds them: once for each life, so that it runs the sources of now. */
export async function stageControlPlane(settings: Settings): Promise<void> {
  const folder = stageFolder(settings);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const name of PACKAGES) {
    const [from, to] = [join(settings.checkout, "packages", name), join(folder, "packages", name)];
    await copyReadable(from, to, new Set(["node_modules"]));
  }
  await writeFile(join(folder, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`);
  const secret = join(folder, "secret");
  await writeFile(secret, await ensureSecret(settings), { mode: 0o400 });
  await chown(secret, CONTROL_PLANE_USER.id, CONTROL_PLANE_USER.id);
}

/** The command and environment of one of the control plane's own entry points, `main.ts` or `admin.ts`. */
export async function controlPlaneProgram(
  settings: Settings,
  databaseUrl: string,
  entry: "main.ts" | "admin.ts",
  args: readonly string[] = [],
): Promise<{ readonly command: [string, ...string[]]; readonly env: Record<string, string> }> {
  const folder = stageFolder(settings);
  const node = join(folder, "node");
  const binds: Bind[] = [
    { source: process.execPath, target: node },
    { source: join(settings.checkout, "node_modules"), target: join(folder, "node_modules") },
  ];
  for (const name of PACKAGES) {
    const source = join(settings.checkout, "packages", name, "node_modules");
    if (await exists(source)) binds.push({ source, target: join(folder, "packages", name, "node_modules") });
  }
  const script = join(folder, "packages/control-plane/src", entry);
  return {
    command: confined(settings, CONTROL_PLANE_USER, binds, folder, [node, ...SERVER_FLAGS, script, ...args]),
    env: {
      ...serverEnvironment(settings.environment),
      DATABASE_URL: databaseUrl,
      ROOST_LISTEN: settings.listen,
      ROOST_METRICS_LISTEN: settings.metricsListen,
      ROOST_SECRET_FILE: join(folder, "secret"),
    },
  };
}

export async function startControlPlane(settings: Settings, databaseUrl: string): Promise<ChildProcess> {
  await stageControlPlane(settings);
  const { command, env } = await controlPlaneProgram(settings, databaseUrl, "main.ts");
  return startService(command, { env });
}

/** Waits until it says that it serves: database reached, migrations done. */
export async function controlPlaneReady(settings: Settings, signal: AbortSignal): Promise<void> {
  await askUntil(async () => {
    const answer = await fetch(`${localUrl(settings.listen)}/readyz`, { signal }).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.ok === true;
  }, signal);
}

function stageFolder(settings: Settings): string {
  return join(settings.run, "control-plane");
}

/** The secret that all others are derived from: the user's own, or made once and kept. */
/** Where the secret is, unless ROOST_SECRET is the secret. */
export function secretPath(settings: Settings): string {
  return settings.environment.ROOST_SECRET_FILE || homePaths.secret(settings);
}

async function ensureSecret(settings: Settings): Promise<string> {
  const given = settings.environment.ROOST_SECRET;
  if (given) return given;
  const path = secretPath(settings);
  const kept = await readIfThere(path);
  if (kept !== undefined) return kept;
  const made = `${randomBytes(32).toString("hex")}\n`;
  await placeFile(path, made, 0o600);
  return made;
}
