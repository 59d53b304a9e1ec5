/**
 * The data folder: made by initdb under a temporary name and renamed, so that a folder of that name is always a whole one. Who
 * may connect is written at every start, because it is ours to say, not the data's.
 */
import { chown, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { flush, placeFile } from "../files/durable.ts";
import { exists } from "../files/presence.ts";
import { runProgram } from "../programs/run-program.ts";
import type { Settings } from "../settings.ts";
import { CONTROL_PLANE_USER, confined, POSTGRES_USER } from "../supervise/confined.ts";
import type { PostgresLayout } from "./layout.ts";

/** Only our own users, and root, over the socket; each is the database user `roost`. */
const HBA = `# Written by Roost's launcher at every start.
local all all peer map=roost
`;
const IDENT = `# Written by Roost's launcher at every start: rule, user of the machine, user of the database.
roost ${CONTROL_PLANE_USER.name} roost
roost root roost
`;

export async function ensureDataFolder(
  settings: Settings,
  layout: PostgresLayout,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (!(await exists(layout.data))) {
    say("making the database");
    await initialise(settings, layout, signal);
  }
  if (!(await exists(join(layout.data, "PG_VERSION")))) {
    throw new LauncherFailure(`${layout.data} is there, but holds no PostgreSQL data: move it away and start again`);
  }
  await placeOwned(join(layout.data, "pg_hba.conf"), HBA);
  await placeOwned(join(layout.data, "pg_ident.conf"), IDENT);
}

async function initialise(settings: Settings, layout: PostgresLayout, signal: AbortSignal): Promise<void> {
  const part = `${layout.data}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true, mode: 0o700 });
  await chown(part, POSTGRES_USER.id, POSTGRES_USER.id);
  const initdb = [
    join(layout.programs, "initdb"),
    ...["--pgdata", layout.view.data, "--username", "roost", "--auth", "peer"],
    ...["--encoding", "UTF8", "--locale", "C.UTF-8", "--data-checksums"],
  ] as const;
  const binds = postgresBinds(layout, part);
  const command = confined(settings, POSTGRES_USER, binds, layout.view.folder, [...initdb] as [string, ...string[]]);
  await runProgram(command, { env: POSTGRES_ENVIRONMENT, signal });
  await rename(part, layout.data);
  await flush(dirname(layout.data));
}

/** What initdb and the server see; `data` stands at the same place for both, because it is the same folder later. */
export function postgresBinds(layout: PostgresLayout, data: string) {
  return [
    { source: layout.packageRoot, target: layout.view.packageRoot },
    { source: data, target: layout.view.data, writable: true },
    { source: layout.view.passwd, target: "/etc/passwd" },
  ] as const;
}

/** Nothing of the caller's environment: PG… variables would change what is written. */
export const POSTGRES_ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8", TZ: "UTC" } as const;

async function placeOwned(path: string, content: string): Promise<void> {
  await placeFile(path, content, 0o600);
  await chown(path, POSTGRES_USER.id, POSTGRES_USER.id);
}
