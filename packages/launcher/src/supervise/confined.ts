/**
 * Starts a program as a user without rights, who sees the folders it needs wherever the checkout lies (it may lie where no other
 * user may look): roost-confine binds them into the run folder, in a mount namespace that ends with the program. The program is
 * killed by the kernel when this process ends.
 */
import { chown, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { programPath, type Settings } from "../settings.ts";

/** Users of no account. PostgreSQL and the control plane trust each other no more than they must. */
export const POSTGRES_USER = { name: "roost-postgres", id: 1_899_999_001 } as const;
export const CONTROL_PLANE_USER = { name: "roost-control-plane", id: 1_899_999_002 } as const;

export type ServiceUser = typeof POSTGRES_USER | typeof CONTROL_PLANE_USER;

export interface Bind {
  /** A folder or file; what it is bound on is made when it is not there, with the folders above it. */
  readonly source: string;
  readonly target: string;
  readonly writable?: true;
}

/** The command that runs `command` so. */
export function confined(
  settings: Settings,
  user: ServiceUser,
  binds: readonly Bind[],
  folder: string,
  command: readonly [string, ...string[]],
): [string, ...string[]] {
  const id = String(user.id);
  const bindOptions = binds.flatMap(({ source, target, writable }) => [
    writable ? "--bind" : "--bind-ro",
    `${source}:${target}`,
  ]);
  const parent = ["--parent", String(process.pid), "--chdir", folder];
  return [
    programPath(settings, "roost-confine"),
    "--uid",
    id,
    "--gid",
    id,
    ...bindOptions,
    ...parent,
    "--",
    ...command,
  ];
}

/** A folder of the run folder that one of our users owns. */
export async function makeOwnFolder(path: string, user: ServiceUser, mode: number): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true, mode });
  await chown(path, user.id, user.id);
}

/**
 * The machine's /etc/passwd with our two users in it. PostgreSQL's `peer` rule asks for the name of whoever connects (the kernel
 * says which user id that is), and initdb for its own; the machine itself gets no accounts.
 */
export async function writePasswd(path: string): Promise<void> {
  const ours = [POSTGRES_USER, CONTROL_PLANE_USER].map(
    ({ name, id }) => `${name}:x:${id}:${id}::/:/usr/sbin/nologin\n`,
  );
  await writeFile(path, `${(await readFile("/etc/passwd", "utf8")).replace(/\n?$/, "\n")}${ours.join("")}`);
}
