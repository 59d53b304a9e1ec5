/**
 * One end of a WebSocket, with bounds both ways: a message is sent when there is room for it, and no more are taken than somebody reads.
 * What waits here is at most `ROOM_BYTES` each way, and a message.
 *
 *   open ── close() ──▶ closing ── the other end agrees, or a while passes ──▶ closed
 *    └─ the other end closes, vanishes, or breaks the protocol ────────────────▶ closed
 */
import { RoostError } from "@roost/protocol/errors";
import type { RawData, WebSocket } from "ws";
import { CLOSE, type Ending } from "./close-codes.ts";

export interface StreamMessage {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

/** Of one message. */
export const MESSAGE_BYTES = 1024 * 1024;
/** What may wait to be read, or to be sent. */
const ROOM_BYTES = 256 * 1024;
/** Keeps what lies between from taking a silent connection for a dead one. */
const PING_INTERVAL_MS = 30_000;
/** So many pings without an answer, though all else was answered: nobody is there any more. */
const UNANSWERED_PINGS = 3;

export class StreamSocket {
  readonly #socket: WebSocket;
  readonly #left = new AbortController();
  readonly #closed = Promise.withResolvers<Ending>();
  readonly #arrived: StreamMessage[] = [];
  #arrivedBytes = 0;
  #wakeReader: (() => void) | undefined;
  #isAtEnd = false;
  #sendingBytes = 0;
  #wakeSenders = Promise.withResolvers<void>();
  #pingTimer: NodeJS.Timeout;
  #unanswered = 0;
  /** Nothing was sent since the other end last showed that it is there. */
  #owesNothing = true;
  sentBytes = 0;
  receivedBytes = 0;

  constructor(socket: WebSocket, pingIntervalMs = PING_INTERVAL_MS) {
    this.#socket = socket;
    socket.on("message", (data: RawData, isBinary: boolean) => this.#arrive(data as Buffer, isBinary));
    socket.on("pong", () => this.#isThere());
    socket.on("close", (code, reason) => this.#gone({ code, reason: reason.toString() }));
    // Its close event tells the same.
    socket.on("error", () => {});
    this.#pingTimer = setInterval(() => this.#ping(), pingIntervalMs);
  }

  /** Aborted when the connection is no more. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /** How it ended. */
  get closed(): Promise<Ending> {
    return this.#closed.promise;
  }

  /** In order, to be read by one. Ends when the other end sends no more. @throws RoostError when one is too large. */
  async *messages(): AsyncGenerator<StreamMessage> {
    for (;;) {
      const message = this.#arrived.shift();
      if (message) {
        this.#arrivedBytes -= message.bytes.length;
        if (this.#arrivedBytes < ROOM_BYTES && this.#socket.isPaused) this.#socket.resume();
        if (message.bytes.length > MESSAGE_BYTES) throw tooLarge();
        yield message;
      } else if (this.#isAtEnd) return;
      else await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
  }

  /** Resolves when there is room for the next; rejects when nobody will read it any more. */
  async send(data: string | Uint8Array): Promise<void> {
    // One that is closing drops what it is given at once: whoever goes on giving would never wait for anything.
    if (this.#socket.readyState !== this.#socket.OPEN) await this.#closed.promise;
    this.#left.signal.throwIfAborted();
    const size = typeof data === "string" ? Buffer.byteLength(data) : data.length;
    this.#sendingBytes += size;
    this.sentBytes += size;
    this.#owesNothing = false;
    this.#socket.send(data, { binary: typeof data !== "string" }, () => this.#sent(size));
    while (this.#sendingBytes > ROOM_BYTES) {
      await this.#wakeSenders.promise;
      this.#left.signal.throwIfAborted();
    }
  }

  /** What was sent before arrives before. */
  close({ code, reason }: Ending): void {
    this.#socket.close(code, reason);
    // The answer to it has to get through.
    this.#arrived.length = 0;
    if (this.#socket.isPaused) this.#socket.resume();
  }

  /** Without a word, and at once. */
  terminate(): void {
    this.#socket.terminate();
  }

  #arrive(bytes: Buffer, isBinary: boolean): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#isThere();
    this.receivedBytes += bytes.length;
    this.#arrived.push({ bytes, isBinary });
    this.#arrivedBytes += bytes.length;
    if (this.#arrivedBytes >= ROOM_BYTES) this.#socket.pause();
    this.#wakeReader?.();
  }

  #sent(size: number): void {
    this.#sendingBytes -= size;
    if (this.#sendingBytes > ROOM_BYTES) return;
    this.#wakeSenders.resolve();
    this.#wakeSenders = Promise.withResolvers();
  }

  /**
   * One that has read everything and answers no pings is gone. Not so one that we do not listen to, or that may have something to read
   * before them: it may take its time, and whether its machine is there is for TCP to see.
   */
  #ping(): void {
    if (this.#socket.isPaused || this.#sendingBytes > 0) return;
    if (this.#unanswered === UNANSWERED_PINGS) this.terminate();
    if (this.#owesNothing) this.#unanswered++;
    this.#socket.ping();
  }

  #isThere(): void {
    this.#unanswered = 0;
    this.#owesNothing = true;
  }

  #gone(ending: Ending): void {
    clearInterval(this.#pingTimer);
    this.#isAtEnd = true;
    this.#wakeReader?.();
    this.#left.abort(new StreamLeft());
    this.#wakeSenders.resolve();
    this.#closed.resolve(ending);
  }
}

/** The other end is gone: there is nobody to tell anything. */
export class StreamLeft extends Error {
  override readonly name = "StreamLeft";

  constructor() {
    super("the client has left");
  }
}

/** For what the WebSocket library finds wrong by itself. */
export const OWN_REASONS: Readonly<Record<number, string>> = {
  1002: "invalid_request: this is not a well-formed WebSocket frame.",
  1003: "invalid_request: this kind of frame is not taken.",
  1007: "invalid_request: a text message must be UTF-8.",
  [CLOSE.tooBig]: tooLarge().message,
};

function tooLarge(): RoostError {
  return new RoostError("payload_too_large", `A message has at most ${MESSAGE_BYTES} bytes.`);
}
