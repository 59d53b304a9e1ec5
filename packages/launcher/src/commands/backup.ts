/**
 * `./roost backup FILE`: what this Roost knows, in one file for its owner's eyes only: the secret, the credentials, all rows of the
 * database as they were at one moment. Also while it runs. Sandboxes' disks and snapshots stay on their hosts.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, rename, rm } from "node:fs/promises";
import { LauncherFailure } from "../failure.ts";
import { readIfThere, readJsonObject } from "../files/presence.ts";
import { databaseAtHand } from "../postgres/at-hand.ts";
import { homePaths, type Settings } from "../settings.ts";
import { secretPath } from "../supervise/control-plane.ts";
import { adminEnvironment, adminScript, requireInstallation } from "./admin.ts";
import { needRoot } from "./install.ts";
import type { Machine } from "./machine.ts";

/** The file's first line; the control plane's own backup follows. */
export interface BackupOfHome {
  readonly roost_home: {
    /** Null where ROOST_SECRET is set by its owner. */
    readonly secret: string | null;
    readonly credentials: Readonly<Record<string, unknown>> | null;
  };
}

export async function backup(settings: Settings, machine: Machine, file: string): Promise<void> {
  needRoot(machine, "read the database and the secret");
  requireInstallation(settings);
  const home: BackupOfHome = {
    roost_home: {
      secret: (await readIfThere(secretPath(settings))) ?? null,
      credentials: (await readJsonObject(homePaths.credentials(settings))) ?? null,
    },
  };
  await using database = await databaseAtHand(settings, machine.interrupted);
  const part = `${file}.${process.pid}.part`;
  try {
    await using target = await open(part, "wx", 0o600);
    await target.writeFile(`${JSON.stringify(home)}\n`);
    await writeRows(settings, database.url, target.fd, machine.interrupted);
    await target.sync();
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  machine.stderr.write(`Wrote ${file}. Whoever reads it can do all that this Roost can: keep it safe.\n`);
}

async function writeRows(settings: Settings, databaseUrl: string, fd: number, signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [adminScript(settings), "backup"], {
    env: adminEnvironment(settings, databaseUrl),
    stdio: ["ignore", fd, "inherit"],
    signal,
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new LauncherFailure("the database could not be read; no backup was written");
}
