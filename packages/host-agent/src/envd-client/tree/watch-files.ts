/** Changes in a folder of a guest, as they happen. A connection that breaks is an error: changes may have been missed. */
import { filesystem } from "@roost/protocol/envd";
import { RoostError } from "@roost/protocol/errors";
import { checkedPath } from "../file-path.ts";
import { malformedAnswer } from "../guest-failure.ts";
import type { GuestLimits } from "../guest-limits.ts";
import { streamHeaders } from "../user-headers.ts";
import { type FileEntry, fileEntry } from "./file-entry.ts";
import type { FilesystemClient, TreePlace } from "./file-tree.ts";
import { treeRefusal } from "./tree-refusal.ts";

export type FileChange = "create" | "write" | "remove" | "rename" | "chmod";

export type WatchEvent =
  /** From now on nothing is missed. */
  | { readonly case: "watching" }
  | {
      readonly case: "change";
      /** Below the folder. */
      readonly name: string;
      readonly change: FileChange;
      /** As it is now, if it is still there. */
      readonly entry?: FileEntry;
    };

const CHANGES: Readonly<Partial<Record<filesystem.EventType, FileChange>>> = {
  [filesystem.EventType.CREATE]: "create",
  [filesystem.EventType.WRITE]: "write",
  [filesystem.EventType.REMOVE]: "remove",
  [filesystem.EventType.RENAME]: "rename",
  [filesystem.EventType.CHMOD]: "chmod",
};

/** Ends only with its signal. @throws RoostError `not_found`, `invalid_request`, `host_failed`; the signal's reason. */
export async function* watchFiles(
  client: FilesystemClient,
  limits: GuestLimits,
  place: TreePlace,
  recursive: boolean,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { path, user } = place;
  const tooMuch = new RoostError("invalid_request", "There is more below this folder than the sandbox can watch.");
  const request = { path: checkedPath(path), recursive, includeEntry: true };
  try {
    for await (const { event } of client.watchDir(request, { signal, headers: streamHeaders(user, limits) })) {
      if (event.case === "start") yield { case: "watching" };
      if (event.case === "filesystem") {
        const change = CHANGES[event.value.type];
        if (change !== undefined) yield changed(event.value, change);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw treeRefusal(error, path, tooMuch);
  }
  throw malformedAnswer("it stopped watching");
}

function changed({ name, entry }: filesystem.FilesystemEvent, change: FileChange): WatchEvent {
  return { case: "change", name, change, ...(entry === undefined ? {} : { entry: fileEntry(entry) }) };
}
