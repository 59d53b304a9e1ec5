/** Where PostgreSQL's things are: on the disk, and as the confined PostgreSQL sees them (fixed, short paths in the run folder). */
import { join } from "node:path";
import { homePaths, type Settings } from "../settings.ts";

export interface PostgresLayout {
  /** The data folder in this Roost's home; what `view.data` shows. */
  readonly data: string;
  /** Of the unpacked package, and of its programs within. */
  readonly packageRoot: string;
  readonly programs: string;
  /** Holds the socket; clients and server see it at the same path. */
  readonly socketFolder: string;
  readonly view: {
    readonly folder: string;
    readonly data: string;
    readonly packageRoot: string;
    readonly passwd: string;
  };
}

export function postgresLayout(
  settings: Settings,
  installed: { readonly root: string; readonly programs: string },
): PostgresLayout {
  const folder = join(settings.run, "postgres");
  return {
    data: homePaths.postgres(settings),
    packageRoot: installed.root,
    programs: join(folder, "programs", installed.programs),
    socketFolder: join(settings.run, "postgres-socket"),
    view: {
      folder,
      data: join(folder, "data"),
      packageRoot: join(folder, "programs"),
      passwd: join(folder, "passwd"),
    },
  };
}

/** How clients on this machine connect: no host, no password; the kernel says who they are. */
export function databaseUrlOf(layout: PostgresLayout): string {
  return `postgresql://roost@localhost/roost?host=${encodeURIComponent(layout.socketFolder)}`;
}
