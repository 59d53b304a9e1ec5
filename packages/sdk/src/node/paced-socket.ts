/**
 * Node's WebSocket of this package, by the library `ws`. Node's own reads on while nobody takes its messages, and keeps them all; this
 * one stops reading, so that TCP stops the server, the host and the command in turn.
 */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { WebSocket } from "ws";
import { Arrivals } from "../streams/arrivals.ts";
import {
  BROKEN,
  type MessageSocket,
  PROTOCOL,
  SEND_ROOM_BYTES,
  type SocketCredentials,
  type SocketEnding,
} from "../streams/message-socket.ts";
import { isLoopback } from "./loopback.ts";

/** What may wait to be taken. */
const READ_ROOM_BYTES = 256 * 1024;
/** Of one message. */
const MESSAGE_BYTES = 16 * 1024 * 1024;
/** Asks a machine that is silent whether it is still there. */
const TCP_PROBE_MS = 30_000;
/** For the other end's goodbye. */
const GOODBYE_MS = 2000;

export async function openSocket(
  address: URL,
  { apiKey, token }: SocketCredentials,
  refused: (answer: Response) => Promise<Error>,
  signal: AbortSignal | undefined,
): Promise<MessageSocket> {
  signal?.throwIfAborted();
  const socket = new WebSocket(address, PROTOCOL, {
    headers: {
      ...(apiKey === undefined ? {} : { "x-api-key": apiKey }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES,
    // As for requests: a proxy from the environment is for the way out.
    ...(isLoopback(address.hostname) ? { agent: false as never } : {}),
  });
  // From the first moment: what comes together with the server's consent is not to be missed.
  const paced = new PacedSocket(socket);
  const abort = (): void => socket.terminate();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await opened(socket, refused);
    return paced;
  } catch (error) {
    socket.terminate();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

async function opened(socket: WebSocket, refused: (answer: Response) => Promise<Error>): Promise<void> {
  const refusal = Promise.withResolvers<never>();
  socket.once("unexpected-response", (_request, answer: IncomingMessage) => {
    void readAnswer(answer).then(refused).then(refusal.reject, refusal.reject);
  });
  socket.once("upgrade", (answer: IncomingMessage) => void answer.socket.setKeepAlive(true, TCP_PROBE_MS));
  await Promise.race([once(socket, "open"), refusal.promise]);
}

async function readAnswer(answer: IncomingMessage): Promise<Response> {
  const headers = new Headers();
  for (const [name, values] of Object.entries(answer.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const status = answer.statusCode ?? 0;
  const body = new Uint8Array(await buffer(answer));
  return new Response(status === 204 || status === 304 ? null : body, { status, headers });
}

class PacedSocket implements MessageSocket {
  readonly #socket: WebSocket;
  readonly #arrivals = new Arrivals();
  readonly #ended = Promise.withResolvers<SocketEnding>();
  #failure: unknown;
  #sendingBytes = 0;
  #room = Promise.withResolvers<void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      this.#arrivals.add(isBinary ? data : data.toString("utf8"));
      if (this.#arrivals.bytes >= READ_ROOM_BYTES) socket.pause();
    });
    // Its close event follows.
    socket.on("error", (error) => (this.#failure = error));
    socket.on("close", (code, reason) => {
      this.#arrivals.end();
      this.#ended.resolve({ code: code || BROKEN, reason: reason.toString("utf8"), cause: this.#failure });
      this.#room.resolve();
    });
  }

  get ending(): Promise<SocketEnding> {
    return this.#ended.promise;
  }

  async next(): Promise<string | Uint8Array | undefined> {
    const message = await this.#arrivals.take();
    if (this.#arrivals.bytes < READ_ROOM_BYTES && this.#socket.isPaused) this.#socket.resume();
    return message;
  }

  async send(data: string | Uint8Array): Promise<void> {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const size = typeof data === "string" ? Buffer.byteLength(data) : data.length;
    this.#sendingBytes += size;
    this.#socket.send(data, { binary: typeof data !== "string" }, () => this.#sent(size));
    while (this.#sendingBytes > SEND_ROOM_BYTES && this.#socket.readyState === WebSocket.OPEN) await this.#room.promise;
  }

  close(): void {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    this.#socket.close(1000);
    // What is still to come would keep the other end's answer from being seen.
    this.#arrivals.clear();
    this.#socket.removeAllListeners("message");
    if (this.#socket.isPaused) this.#socket.resume();
    const late = setTimeout(() => this.#socket.terminate(), GOODBYE_MS);
    this.#socket.once("close", () => clearTimeout(late));
    this.#arrivals.end();
  }

  #sent(size: number): void {
    this.#sendingBytes -= size;
    if (this.#sendingBytes > SEND_ROOM_BYTES) return;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }
}
