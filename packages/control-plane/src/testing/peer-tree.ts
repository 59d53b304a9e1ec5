/** The files' tree and the processes of a peer's sandboxes: the files that were written, the folders that were made, nothing that runs. */
import { basename } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { RoostError, toConnectError } from "@roost/protocol/errors";
import { FileEntrySchema, type FileTarget, FileType, type HostAgent } from "@roost/protocol/hostagent";

type Service = ServiceImpl<typeof HostAgent>;

/** @param files their content, by path. */
export function peerTree(files: Map<string, Buffer>): Partial<Service> {
  const folders = new Set(["/", "/tmp"]);
  const entryOf = (path: string) => {
    const content = files.get(path);
    if (!content && !folders.has(path)) throw noSuchFile(path);
    const described: MessageInitShape<typeof FileEntrySchema> = {
      name: basename(path),
      path,
      type: content ? FileType.FILE : FileType.DIRECTORY,
      sizeBytes: BigInt(content?.length ?? 0),
      mode: 0o755,
      permissions: content ? "-rwxr-xr-x" : "drwxr-xr-x",
      owner: "user",
      group: "user",
      modifiedAt: timestampFromDate(new Date(0)),
    };
    return create(FileEntrySchema, described);
  };
  const pathOf = (target: FileTarget | undefined) => target?.path ?? "";
  return {
    listFiles: ({ target }) => {
      const path = pathOf(target);
      if (!folders.has(path)) throw noSuchFile(path);
      return { entries: [...files.keys()].filter((file) => file.startsWith(path)).map(entryOf) };
    },
    statFile: ({ target }) => ({ entry: entryOf(pathOf(target)) }),
    makeDirectory: ({ target }) => {
      folders.add(pathOf(target));
      return { entry: entryOf(pathOf(target)) };
    },
    removeFile: ({ target }) => {
      files.delete(pathOf(target));
      folders.delete(pathOf(target));
      return {};
    },
    moveFile: ({ target, destination }) => {
      const content = files.get(pathOf(target));
      if (!content) throw noSuchFile(pathOf(target));
      files.delete(pathOf(target));
      files.set(destination, content);
      return { entry: entryOf(destination) };
    },
    listProcesses: () => ({ processes: [] }),
    signalProcess: () => {
      throw toConnectError(new RoostError("not_found", "There is no such process."));
    },
  };
}

function noSuchFile(path: string) {
  return toConnectError(new RoostError("not_found", `There is no file ${path}.`));
}
