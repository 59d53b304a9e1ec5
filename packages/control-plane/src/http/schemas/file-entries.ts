/** A file, folder or link of a sandbox, as answers show it. */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { FileType, type FileEntry as HostEntry } from "@roost/protocol/hostagent";
import { type Static, Type } from "typebox";
import { Choice } from "./choice.ts";
import { Time } from "./text.ts";

export const FileEntry = Type.Object(
  {
    name: Type.String(),
    path: Type.String(),
    type: Choice(["file", "directory", "symlink", "other"], {
      description: "Of what a link leads to; `symlink`: one that leads nowhere.",
    }),
    size: Type.Integer({ description: "In bytes." }),
    mode: Type.Integer(),
    permissions: Type.String(),
    owner: Type.String(),
    group: Type.String(),
    modified_at: Time(),
    symlink_target: Type.Optional(Type.String({ description: "Of a link: where it leads." })),
  },
  { description: "A file, folder or link." },
);

const TYPES: Readonly<Record<FileType, Static<typeof FileEntry>["type"]>> = {
  [FileType.UNSPECIFIED]: "other",
  [FileType.FILE]: "file",
  [FileType.DIRECTORY]: "directory",
  [FileType.SYMLINK]: "symlink",
};

export function showFileEntry(entry: HostEntry): Static<typeof FileEntry> {
  const { name, path, type, sizeBytes, mode, permissions, owner, group, modifiedAt, symlinkTarget } = entry;
  return {
    name,
    path,
    type: TYPES[type] ?? "other",
    size: Number(sizeBytes),
    mode,
    permissions,
    owner,
    group,
    modified_at: (modifiedAt ? timestampDate(modifiedAt) : new Date(0)).toISOString(),
    ...(symlinkTarget === undefined ? {} : { symlink_target: symlinkTarget }),
  };
}
