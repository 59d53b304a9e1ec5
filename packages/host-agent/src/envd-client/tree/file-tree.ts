/** The files' tree of a guest: what is where, and making, moving and removing it. */
import type { CallOptions, Client } from "@connectrpc/connect";
import type { filesystem } from "@roost/protocol/envd";
import { RoostError } from "@roost/protocol/errors";
import { checkedPath } from "../file-path.ts";
import { malformedAnswer } from "../guest-failure.ts";
import type { GuestLimits } from "../guest-limits.ts";
import { userHeaders } from "../user-headers.ts";
import { type FileEntry, fileEntry } from "./file-entry.ts";
import { treeRefusal } from "./tree-refusal.ts";

export type FilesystemClient = Client<typeof filesystem.Filesystem>;

/** What is asked for, by whom. */
export interface TreePlace {
  readonly path: string;
  /** Empty: the sandbox's default user. */
  readonly user: string;
}

/** All @throws RoostError `not_found`, `conflict`, `invalid_request`, `disk_full`, `host_failed`; the signal's reason. */
export class FileTree {
  readonly #client: FilesystemClient;
  readonly #limits: GuestLimits;

  /** @param client one that takes long lists. */
  constructor(client: FilesystemClient, limits: GuestLimits) {
    this.#client = client;
    this.#limits = limits;
  }

  /**
   * Depth first, sorted by name. @param depth 0 and 1: only the folder's own.
   * @throws also `payload_too_large`, when there are more than an answer holds.
   */
  async list(place: TreePlace, depth: number, signal: AbortSignal): Promise<FileEntry[]> {
    const tooMany = new RoostError(
      "payload_too_large",
      "There are too many files for one answer: list a folder at a time.",
    );
    const request = { path: checkedPath(place.path), depth };
    const { entries } = await this.#ask(place, signal, tooMany, (options) => this.#client.listDir(request, options));
    return entries.map(fileEntry);
  }

  async stat(place: TreePlace, signal: AbortSignal): Promise<FileEntry> {
    const request = { path: checkedPath(place.path) };
    return entryOf(await this.#ask(place, signal, diskFull(), (options) => this.#client.stat(request, options)));
  }

  /** With its parents. @throws also `conflict`, when it is there. */
  async makeDirectory(place: TreePlace, signal: AbortSignal): Promise<FileEntry> {
    const request = { path: checkedPath(place.path) };
    return entryOf(await this.#ask(place, signal, diskFull(), (options) => this.#client.makeDir(request, options)));
  }

  /** With all below it; content if there is nothing. */
  async remove(place: TreePlace, signal: AbortSignal): Promise<void> {
    const request = { path: checkedPath(place.path) };
    await this.#ask(place, signal, diskFull(), (options) => this.#client.remove(request, options));
  }

  async move(place: TreePlace, destination: string, signal: AbortSignal): Promise<FileEntry> {
    const request = { source: checkedPath(place.path), destination: checkedPath(destination) };
    return entryOf(await this.#ask(place, signal, diskFull(), (options) => this.#client.move(request, options)));
  }

  async #ask<T>(
    { path, user }: TreePlace,
    signal: AbortSignal,
    exhausted: RoostError,
    call: (options: CallOptions) => Promise<T>,
  ): Promise<T> {
    // Moving and removing may be a lot of work for a guest.
    const options = { headers: userHeaders(user), signal, timeoutMs: this.#limits.storeMs };
    try {
      return await call(options);
    } catch (error) {
      signal.throwIfAborted();
      throw treeRefusal(error, path, exhausted);
    }
  }
}

function entryOf({ entry }: { readonly entry?: filesystem.EntryInfo | undefined }): FileEntry {
  if (entry === undefined) throw malformedAnswer("a file without its entry");
  return fileEntry(entry);
}

function diskFull(): RoostError {
  return new RoostError("disk_full", "The sandbox's disk is full. Remove files in it and try again.");
}
