/** A file, folder or link of a sandbox, as the caller and as the wire have it. */
import type { Routes } from "./gen/wire.ts";

export type FileEntryWire = Routes["POST /v1/sandboxes/{id}/files/stat"]["answer"];

export interface FileEntry {
  readonly name: string;
  readonly path: string;
  /** Of what a link leads to; `symlink`: one that leads nowhere. */
  readonly type: "file" | "directory" | "symlink" | "other";
  /** In bytes. */
  readonly size: number;
  readonly mode: number;
  /** As `ls -l` writes it. */
  readonly permissions: string;
  readonly owner: string;
  readonly group: string;
  readonly modifiedAt: Date;
  /** Of a link: where it leads. */
  readonly symlinkTarget?: string;
}

export function fileEntryFromWire({ modified_at, symlink_target, ...same }: FileEntryWire): FileEntry {
  return {
    ...same,
    modifiedAt: new Date(modified_at),
    ...(symlink_target === undefined ? {} : { symlinkTarget: symlink_target }),
  };
}

export function fileEntryToWire({ modifiedAt, symlinkTarget, ...same }: FileEntry): FileEntryWire {
  return {
    ...same,
    modified_at: modifiedAt.toISOString(),
    ...(symlinkTarget === undefined ? {} : { symlink_target: symlinkTarget }),
  };
}
