/** Files of a guest as messages. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  FileChange as Change,
  type FileEntrySchema,
  FileType,
  type WatchFilesResponseSchema,
} from "@roost/protocol/hostagent";
import type { FileChange, FileEntry, WatchEvent } from "../envd-client/envd-client.ts";

const TYPES: Readonly<Record<FileEntry["type"], FileType>> = {
  file: FileType.FILE,
  directory: FileType.DIRECTORY,
  symlink: FileType.SYMLINK,
  other: FileType.UNSPECIFIED,
};

const CHANGES: Readonly<Record<FileChange, Change>> = {
  create: Change.CREATE,
  write: Change.WRITE,
  remove: Change.REMOVE,
  rename: Change.RENAME,
  chmod: Change.CHMOD,
};

export function entryMessage(entry: FileEntry): MessageInitShape<typeof FileEntrySchema> {
  const { type, sizeBytes, modifiedAt, symlinkTarget, ...same } = entry;
  return {
    ...same,
    type: TYPES[type],
    sizeBytes: BigInt(sizeBytes),
    modifiedAt: timestampFromDate(modifiedAt),
    ...(symlinkTarget === undefined ? {} : { symlinkTarget }),
  };
}

export function watchMessage(event: WatchEvent): MessageInitShape<typeof WatchFilesResponseSchema> {
  if (event.case === "watching") return {};
  const { name, change, entry } = event;
  return { name, change: CHANGES[change], ...(entry === undefined ? {} : { entry: entryMessage(entry) }) };
}
