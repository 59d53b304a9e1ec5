/**
 * `./roost restore FILE`: makes this Roost the one that a backup was made of. It has to be down, and to have nothing of its own: no
 * accounts, no hosts, no other secret. The machines that were its hosts join it again by their own tokens.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { LauncherFailure } from "../failure.ts";
import { placeFile } from "../files/durable.ts";
import { exists, readIfThere } from "../files/presence.ts";
import { databaseAtHand } from "../postgres/at-hand.ts";
import { homePaths, type Settings } from "../settings.ts";
import { secretPath } from "../supervise/control-plane.ts";
import { runningLauncher } from "../supervise/launcher-record.ts";
import { adminEnvironment, adminScript, requireInstallation } from "./admin.ts";
import type { BackupOfHome } from "./backup.ts";
import { needRoot } from "./install.ts";
import type { Machine } from "./machine.ts";

export async function restore(settings: Settings, machine: Machine, file: string): Promise<void> {
  needRoot(machine, "write the database and the secret");
  requireInstallation(settings);
  if ((await runningLauncher(settings)) !== undefined) {
    throw new LauncherFailure(
      "this Roost runs: ./roost down first, and restore into a ROOST_HOME that has no accounts",
    );
  }
  if (!(await exists(file))) throw new LauncherFailure(`there is no file ${file}`);
  await using source = await open(file, "r");
  const { home, length } = await readHome(source);
  const { secret, credentials } = home.roost_home;
  const present = await readIfThere(secretPath(settings));
  if (secret !== null && present !== undefined && present !== secret) {
    throw new LauncherFailure(`${secretPath(settings)} holds another secret: restore into a ROOST_HOME of its own`);
  }
  // Before the rows, which are worth nothing without it; again the same if this is tried again.
  if (secret !== null) await placeFile(secretPath(settings), secret, 0o600);
  await using database = await databaseAtHand(settings, machine.interrupted);
  const rows = source.createReadStream({ start: length, autoClose: false });
  const child = spawn(process.execPath, [adminScript(settings), "restore"], {
    env: adminEnvironment(settings, database.url),
    stdio: ["pipe", "inherit", "inherit"],
    signal: machine.interrupted,
  });
  // It says itself what is wrong with what it reads.
  child.stdin.on("error", () => {});
  rows.pipe(child.stdin);
  const [code] = await once(child, "exit");
  if (code !== 0) throw new LauncherFailure(`${file} was not restored`);
  if (credentials !== null) {
    await placeFile(homePaths.credentials(settings), `${JSON.stringify(credentials, null, 2)}\n`, 0o600);
  }
  machine.stderr.write("Restored. ./roost up starts it.\n");
}

/** More than any first line has. */
const MOST_BYTES = 64 * 1024;

async function readHome(source: {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}): Promise<{ home: BackupOfHome; length: number }> {
  const bytes = Buffer.alloc(MOST_BYTES);
  const { bytesRead } = await source.read(bytes, 0, MOST_BYTES, 0);
  const end = bytes.subarray(0, bytesRead).indexOf("\n");
  try {
    const home = JSON.parse(bytes.toString("utf8", 0, end));
    if (end > 0 && home.roost_home) return { home, length: end + 1 };
  } catch {
    // Told below.
  }
  throw new LauncherFailure("this is no backup that ./roost backup wrote");
}
