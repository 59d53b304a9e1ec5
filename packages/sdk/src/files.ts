/** The files of one sandbox. Paths are absolute. */
import type { CallOptions } from "./call-options.ts";
import { readNothing } from "./http/answer.ts";
import { multipartStream } from "./http/multipart.ts";
import { relay } from "./http/relay.ts";
import { route } from "./http/route.ts";
import { type Body, jsonBody, type Transport } from "./http/transport.ts";
import { randomName } from "./random-name.ts";

/** A stream is sent as it is read (not from browsers, which cannot), everything else with its length known. */
export type FileContent = string | Uint8Array<ArrayBuffer> | ArrayBuffer | Blob | ReadableStream<Uint8Array>;

export interface FileOptions extends CallOptions {
  /** Whose file it is to be, or with whose rights it is read. Default: the sandbox's default user. */
  readonly user?: string | undefined;
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

  /** A file as it arrives. The stream fails when the file does not come to its end. */
  async readStream(path: string, options: FileOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return await this.#read(path, options, async (response) =>
      relay(response.body ?? new Blob([]).stream(), (failure) =>
        options.signal?.aborted ? options.signal.reason : this.#transport.brokenStream(failure),
      ),
    );
  }

  /** Writes a whole file; it appears at its path when complete. Missing folders are made. */
  async write(path: string, content: FileContent, options: FileOptions = {}): Promise<void> {
    if (content instanceof ReadableStream) await this.#writeStream(path, content, options);
    else await this.#write(formBody(placeFields(path, options), content), options);
  }

  async #writeStream(path: string, content: ReadableStream<Uint8Array>, options: FileOptions): Promise<void> {
    // A source that fails breaks the request; the caller shall hear of the first, not of the second.
    const failures: unknown[] = [];
    const source = relay(content, (failure) => {
      failures.push(failure);
      return failure;
    });
    try {
      await this.#write(multipartStream(placeFields(path, options), source, `roost-${randomName()}`), options);
    } catch (error) {
      throw failures.length > 0 ? failures[0] : error;
    }
  }

  async #write(body: Body, options: FileOptions): Promise<void> {
    const path = route`/v1/sandboxes/${this.#sandboxId}/files/write`;
    const request = { method: "POST", path, body, repeat: "never", signal: options.signal } as const;
    await this.#transport.send(request, readNothing);
  }

  async #read<T>(path: string, options: FileOptions, read: (response: Response) => Promise<T>): Promise<T> {
    const request = {
      method: "POST",
      path: route`/v1/sandboxes/${this.#sandboxId}/files/read`,
      body: jsonBody(placeFields(path, options)),
      repeat: "safe",
      signal: options.signal,
    } as const;
    return await this.#transport.send(request, read);
  }
}

/** The server takes the fields as they come, and begins to write at the file: so they are first. */
function placeFields(path: string, { user }: FileOptions): Record<string, string> {
  return user === undefined ? { path } : { path, user };
}

function formBody(fields: Record<string, string>, content: Exclude<FileContent, ReadableStream>): Body {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("file", content instanceof Blob ? content : new Blob([content]), "file");
  return { content: form };
}
