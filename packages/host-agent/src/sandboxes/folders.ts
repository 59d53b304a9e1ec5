/**
 * Where a sandbox's files are.
 *
 * - `run`, on /run, dies with a reboot: record, sockets. It is made before anything that has to be found again.
 * - `data`, on disk: base image, disk layer, generations, logs, spec. While the sandbox is being made an empty file `making` is in it, so that after a
 *   power cut a half-made one is told from one that ran. That takes no fsync: a journal keeps the order of what happens to names,
 *   so whatever a guest has made durable, the end of `making` was durable before.
 */
import { join } from "node:path";
import { isId } from "@roost/protocol/ids";

export interface SandboxFolders {
  readonly run: string;
  readonly data: string;
}

/** The folders in which the folders of all sandboxes of this host are. */
export interface SandboxRoots {
  /** `$ROOST_RUN/<mark>` */
  readonly run: string;
  /** `$ROOST_DATA/sandboxes` */
  readonly data: string;
  /** `$ROOST_DATA/generations`, of snapshots. On the same file system as `data`, for hard links. */
  readonly generations: string;
  /** `$ROOST_DATA/warm-bases`: see warm-bases/. On the same file system, too. */
  readonly warmBases: string;
  /** `$ROOST_DATA/images`: copies of base images that lie on another file system. */
  readonly images: string;
}

export function foldersOf(roots: Pick<SandboxRoots, "run" | "data">, id: string): SandboxFolders {
  if (!isId("sandbox", id)) throw new TypeError(`not a sandbox id: ${id}`);
  return { run: join(roots.run, id), data: join(roots.data, id) };
}

/** The marker in a data folder of a sandbox that is being made. */
export function makingMarker(folders: SandboxFolders): string {
  return join(folders.data, "making");
}
