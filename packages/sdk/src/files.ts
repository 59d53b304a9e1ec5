/** The files of one sandbox. Paths are absolute, or begin at the user's home. */
import type { CallOptions } from "./call-options.ts";
import { type FileEntry, type FileEntryWire, fileEntryFromWire } from "./file-entry.ts";
import { readJson, readNothing } from "./http/answer.ts";
import { relay } from "./http/relay.ts";
import { route } from "./http/route.ts";
import { jsonBody, type Transport } from "./http/transport.ts";
import { type FileChange, type WatchOptions, watchFiles } from "./streams/file-watch.ts";

/** A stream is sent as it is read (not from browsers, which cannot), everything else with its length known. */
export type FileContent = string | Uint8Array<ArrayBuffer> | ArrayBuffer | Blob | ReadableStream<Uint8Array>;

export interface FileOptions extends CallOptions {
  /** Whose file it is to be, or with whose rights it is done. Default: the sandbox's default user. */
  readonly user?: string | undefined;
}

export interface ListFilesOptions extends FileOptions {
  /** 1, the default: only the folder's own entries. More: those of the folders in it, too; links are not followed. */
  readonly depth?: number | undefined;
}

export class SandboxFiles {
  readonly #transport: Transport;
  readonly #sandboxId: string;

  constructor(transport: Transport, sandboxId: string) {
    this.#transport = transport;
    this.#sandboxId = sandboxId;
  }

  /** The bytes of a file. */
  async read(path: string, options: FileOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#read(path, options, async (response) => new Uint8Array(await response.arrayBuffer()));
  }

  /** A file as text; what is not UTF-8 becomes U+FFFD. */
  async readText(path: string, options: FileOptions = {}): Promise<string> {
    return new TextDecoder().decode(await this.read(path, options));
  }

  /** A file of any size, as it arrives and is read. The stream fails when the file does not come to its end. */
  async readStream(path: string, options: FileOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return await this.#read(path, options, async (response) =>
      relay(response.body ?? new Blob([]).stream(), (failure) =>
        options.signal?.aborted ? options.signal.reason : this.#transport.brokenStream(failure),
      ),
    );
  }

  /** Writes a whole file of any size; it appears at its path when complete. Missing folders are made. */
  async write(path: string, content: FileContent, options: FileOptions = {}): Promise<void> {
    if (!(content instanceof ReadableStream)) return await this.#write(path, content, options);
    // A source that fails breaks the request; the caller shall hear of the first, not of the second.
    const failures: unknown[] = [];
    const source = relay(content, (failure) => {
      failures.push(failure);
      return failure;
    });
    try {
      await this.#write(path, source, options);
    } catch (error) {
      throw failures.length > 0 ? failures[0] : error;
    }
  }

  /** What is in a folder; depth first, sorted by name. */
  async list(path: string, { depth, ...options }: ListFilesOptions = {}): Promise<FileEntry[]> {
    const fields = { ...placeFields(path, options), depth };
    const entries = await this.#ask("list", fields, "safe", options, readJson<readonly FileEntryWire[]>);
    return entries.map(fileEntryFromWire);
  }

  async stat(path: string, options: FileOptions = {}): Promise<FileEntry> {
    const fields = placeFields(path, options);
    return fileEntryFromWire(await this.#ask("stat", fields, "safe", options, readJson<FileEntryWire>));
  }

  /** Makes a folder, and the folders above it. One that is there is a `conflict`. */
  async mkdir(path: string, options: FileOptions = {}): Promise<FileEntry> {
    const fields = placeFields(path, options);
    return fileEntryFromWire(await this.#ask("mkdir", fields, "never", options, readJson<FileEntryWire>));
  }

  /** Removes a file, or a folder with all below it. Doing it twice is fine. */
  async remove(path: string, options: FileOptions = {}): Promise<void> {
    await this.#ask("remove", placeFields(path, options), "never", options, readNothing);
  }

  /** Moves or renames a file or folder; the folders above its destination are made. */
  async move(path: string, destination: string, options: FileOptions = {}): Promise<FileEntry> {
    const fields = { ...placeFields(path, options), destination };
    return fileEntryFromWire(await this.#ask("move", fields, "never", options, readJson<FileEntryWire>));
  }

  /** Changes in a folder, as they happen: `for await (const change of await files.watch(path))`. Once it resolves, none is missed. */
  async watch(path: string, options: WatchOptions = {}): Promise<AsyncGenerator<FileChange, never>> {
    return await watchFiles(this.#transport, this.#sandboxId, path, options);
  }

  async #write(path: string, content: FileContent, options: FileOptions): Promise<void> {
    const request = {
      method: "POST",
      path: route`/v1/sandboxes/${this.#sandboxId}/files/stream/write`,
      query: new URLSearchParams(placeFields(path, options)),
      body: { content, type: "application/octet-stream" },
      repeat: "never",
      signal: options.signal,
    } as const;
    await this.#transport.send(request, readNothing);
  }

  async #read<T>(path: string, options: FileOptions, read: (response: Response) => Promise<T>): Promise<T> {
    return await this.#ask("stream/read", placeFields(path, options), "safe", options, read);
  }

  async #ask<T>(
    what: "stream/read" | "list" | "stat" | "mkdir" | "remove" | "move",
    fields: object,
    repeat: "safe" | "never",
    { signal }: CallOptions,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const path = `${route`/v1/sandboxes/${this.#sandboxId}/files`}/${what}`;
    return await this.#transport.send({ method: "POST", path, body: jsonBody(fields), repeat, signal }, read);
  }
}

function placeFields(path: string, { user }: FileOptions): Record<string, string> {
  return user === undefined ? { path } : { path, user };
}
