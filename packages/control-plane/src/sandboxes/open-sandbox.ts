/** A running sandbox that somebody has opened streams to: found once, so that what is said over them is on its way at once. */
import type { WatchFilesResponse } from "@roost/protocol/hostagent";
import type { HostAgentClient } from "../hosts/hosts.ts";
import {
  type CommandAttach,
  type CommandEvent,
  type CommandInput,
  type CommandStart,
  followCommand,
} from "./command-stream.ts";
import type { FilePlace } from "./files.ts";
import { noteUse } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";
import { watchFiles } from "./watch-files.ts";

export class OpenSandbox {
  readonly #parts: SandboxParts;
  readonly #teamId: string;
  readonly #id: string;
  readonly #client: HostAgentClient;

  /** @param client of the host that it runs on. */
  constructor(parts: SandboxParts, teamId: string, id: string, client: HostAgentClient) {
    this.#parts = parts;
    this.#teamId = teamId;
    this.#id = id;
    this.#client = client;
  }

  followCommand(
    opening: CommandStart | CommandAttach,
    inputs: AsyncIterable<CommandInput>,
    signal: AbortSignal,
  ): AsyncGenerator<CommandEvent> {
    return this.#noted(followCommand(this.#client, this.#id, opening, inputs, signal));
  }

  watchFiles(place: FilePlace, recursive: boolean, signal: AbortSignal): AsyncGenerator<WatchFilesResponse> {
    return this.#noted(watchFiles(this.#client, this.#id, place, recursive, signal));
  }

  /** It has been in use until the stream ends. */
  async *#noted<T>(stream: AsyncGenerator<T>): AsyncGenerator<T> {
    try {
      yield* stream;
    } finally {
      noteUse(this.#parts, this.#teamId, this.#id);
    }
  }
}
