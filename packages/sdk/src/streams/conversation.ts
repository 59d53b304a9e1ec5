/** A stream of the API as messages: JSON in text frames, bytes in binary ones, and an end that is an error unless all was said. */
import { RoostProtocolError } from "../errors.ts";
import type { Transport } from "../http/transport.ts";
import type { MessageSocket } from "./message-socket.ts";
import { failureOf, type SaidError } from "./stream-failures.ts";

/** What every message of the server has. */
interface Typed {
  readonly type: string;
}

/** In one message; the server takes up to 1 MiB. */
const PIECE_BYTES = 128 * 1024;

export class Conversation<Event extends Typed> implements Disposable {
  readonly #socket: MessageSocket;
  readonly #origin: string;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.#socket.close();
  #broken: { readonly error: unknown } | undefined;

  private constructor(socket: MessageSocket, origin: string, signal: AbortSignal | undefined) {
    this.#socket = socket;
    this.#origin = origin;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort, { once: true });
    if (signal?.aborted) socket.close();
  }

  /** Connects, and says the first message. The signal ends it at any time. */
  static async open<Event extends Typed>(
    transport: Transport,
    path: string,
    first: object,
    signal: AbortSignal | undefined,
  ): Promise<Conversation<Event>> {
    const { socket, origin } = await transport.openSocket(path, signal);
    const conversation = new Conversation<Event>(socket, origin, signal);
    await conversation.say(first);
    return conversation;
  }

  /** Resolves when there is room for more. Whether it arrives, `hear` tells. */
  async say(message: object): Promise<void> {
    await this.#socket.send(JSON.stringify(message));
  }

  /** The same with bytes, as many as there are. */
  async pass(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      await this.#socket.send(bytes.subarray(at, at + PIECE_BYTES));
    }
  }

  /** What the server says next. @throws when it ended: what it said of why, else that it broke off; the signal's reason. */
  async hear(): Promise<Exclude<Event, { readonly type: "error" }> | Uint8Array> {
    const message = await this.#socket.next();
    this.#signal?.throwIfAborted();
    if (message === undefined) return await this.#fail();
    if (typeof message !== "string") return message;
    const event = parse(message);
    if (event.type === "error") return await this.#fail(saidError(event));
    return event as Exclude<Event, { readonly type: "error" }>;
  }

  /** Ends it for a reason of this side, which `hear` then gives. */
  break(error: unknown): void {
    this.#broken ??= { error };
    this.#socket.close();
  }

  /** All is said, or nobody wants to hear the rest. */
  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#socket.close();
  }

  async #fail(said?: SaidError): Promise<never> {
    const ending = await this.#socket.ending;
    if (this.#broken !== undefined) throw this.#broken.error;
    throw failureOf(this.#origin, ending, said);
  }
}

function parse(text: string): Typed {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "type" in value && typeof value.type === "string") {
      return value as Typed;
    }
  } catch {
    // The answer is the same.
  }
  throw new RoostProtocolError("The stream says what no Roost says. Check that the url is that of a control plane.");
}

function saidError(event: object): SaidError {
  const { code, data } = event as { readonly code?: unknown; readonly data?: unknown };
  return { code: String(code), message: String(data) };
}
