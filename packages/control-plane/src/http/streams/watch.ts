/** A folder that is watched, over a WebSocket. */
import { RoostError } from "@roost/protocol/errors";
import { FileChange, type WatchFilesResponse } from "@roost/protocol/hostagent";
import type { OpenSandbox } from "../../sandboxes/sandboxes.ts";
import { showFileEntry } from "../schemas/file-entries.ts";
import { WATCH_MESSAGES } from "../schemas/stream-messages.ts";
import { jsonMessages } from "./json-messages.ts";
import type { StreamMessage, StreamSocket } from "./stream-socket.ts";

const read = jsonMessages(WATCH_MESSAGES);

const EVENTS: Readonly<Partial<Record<FileChange, string>>> = {
  [FileChange.CREATE]: "create",
  [FileChange.WRITE]: "write",
  [FileChange.REMOVE]: "remove",
  [FileChange.RENAME]: "rename",
  [FileChange.CHMOD]: "chmod",
};

/** Until the other end leaves. @throws RoostError, as `watchFiles` does, and `invalid_request`. */
export async function talkWatch(
  sandbox: Pick<OpenSandbox, "watchFiles">,
  socket: StreamSocket,
  first: StreamMessage,
  rest: AsyncIterable<StreamMessage>,
): Promise<void> {
  const { path, user, recursive } = read(first);
  const unasked = new AbortController();
  void refuseMore(rest, unasked);
  const ends = AbortSignal.any([socket.left, unasked.signal]);
  try {
    for await (const message of sandbox.watchFiles({ path, user }, recursive, ends)) {
      await socket.send(JSON.stringify(shown(message)));
    }
  } catch (error) {
    throw unasked.signal.aborted ? unasked.signal.reason : error;
  }
}

async function refuseMore(rest: AsyncIterable<StreamMessage>, unasked: AbortController): Promise<void> {
  try {
    for await (const _ of rest)
      throw new RoostError("invalid_request", "After its start there is nothing more to say.");
  } catch (error) {
    unasked.abort(error);
  }
}

function shown({ name, change, entry }: WatchFilesResponse): object {
  const event = EVENTS[change];
  if (event === undefined) return { type: "start" };
  return { type: "event", event, name, ...(entry === undefined ? {} : { entry: showFileEntry(entry) }) };
}
