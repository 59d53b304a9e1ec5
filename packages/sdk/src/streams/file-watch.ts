/** A folder that is watched: its changes, in order, by iterating. */
import type { CallOptions } from "../call-options.ts";
import { type FileEntry, fileEntryFromWire } from "../file-entry.ts";
import type * as wire from "../gen/wire.ts";
import { route } from "../http/route.ts";
import type { Transport } from "../http/transport.ts";
import { Conversation } from "./conversation.ts";

export interface WatchOptions extends CallOptions {
  /** With whose rights. Default: the sandbox's default user. */
  readonly user?: string | undefined;
  /** Also what is below its folders. Default: only the folder's own entries. */
  readonly recursive?: boolean | undefined;
}

export interface FileChange {
  readonly event: "create" | "write" | "remove" | "rename" | "chmod";
  /** Below the folder that is watched. */
  readonly name: string;
  /** As it is now, if it is still there. */
  readonly entry?: FileEntry;
}

/** Resolves when nothing is missed any more. Ends when it is left, or fails. */
export async function watchFiles(
  transport: Transport,
  sandboxId: string,
  path: string,
  { user, recursive, signal }: WatchOptions,
): Promise<AsyncGenerator<FileChange, never> & AsyncDisposable> {
  const address = route`/v1/sandboxes/${sandboxId}/files/watch`;
  const first = { type: "start", path, user, recursive };
  const conversation = await Conversation.open<wire.WatchEvent>(transport, address, first, signal);
  try {
    await conversation.hear();
  } catch (error) {
    conversation[Symbol.dispose]();
    throw error;
  }
  return changes(conversation);
}

async function* changes(conversation: Conversation<wire.WatchEvent>): AsyncGenerator<FileChange, never> {
  using _ = conversation;
  for (;;) {
    const message = await conversation.hear();
    if (!("type" in message) || message.type !== "event") continue;
    const { event, name, entry } = message;
    yield { event, name, ...(entry === undefined ? {} : { entry: fileEntryFromWire(entry) }) };
  }
}
