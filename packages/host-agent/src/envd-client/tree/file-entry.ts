/** A file, folder or link of a guest, as the guest describes it: held within what times and sizes can be. */
import { filesystem } from "@roost/protocol/envd";

export interface FileEntry {
  readonly name: string;
  readonly type: "file" | "directory" | "symlink" | "other";
  readonly path: string;
  readonly sizeBytes: number;
  readonly mode: number;
  /** As `ls -l` would begin its line, nearly. */
  readonly permissions: string;
  readonly owner: string;
  readonly group: string;
  readonly modifiedAt: Date;
  readonly symlinkTarget?: string;
}

const TYPES: Readonly<Partial<Record<filesystem.FileType, FileEntry["type"]>>> = {
  [filesystem.FileType.FILE]: "file",
  [filesystem.FileType.DIRECTORY]: "directory",
  [filesystem.FileType.SYMLINK]: "symlink",
};

/** The years that RFC 3339 can write. Whoever owns a file may give it any time. */
const FIRST_MS = Date.parse("0001-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59Z");

export function fileEntry(entry: filesystem.EntryInfo): FileEntry {
  const { name, type, path, size, mode, permissions, owner, group, modifiedTime, symlinkTarget } = entry;
  return {
    name,
    type: TYPES[type] ?? "other",
    path,
    sizeBytes: Math.min(Math.max(Number(size), 0), Number.MAX_SAFE_INTEGER),
    mode,
    permissions,
    owner,
    group,
    modifiedAt: new Date(within(Number(modifiedTime?.seconds ?? 0n) * 1000 + (modifiedTime?.nanos ?? 0) / 1e6)),
    ...(symlinkTarget === undefined ? {} : { symlinkTarget }),
  };
}

function within(milliseconds: number): number {
  return Math.trunc(Math.min(Math.max(milliseconds, FIRST_MS), LAST_MS));
}
