/**
 * The platform's own WebSocket, for browsers. It cannot be told to wait: what nobody takes piles up in this page. So there is a bound, and
 * whoever falls behind by more than that loses the connection, and hears why, instead of its memory. A command goes on and can be
 * attached again.
 */
import { Arrivals } from "./arrivals.ts";
import {
  BROKEN,
  type MessageSocket,
  PROTOCOL,
  SEND_ROOM_BYTES,
  type SocketCredentials,
  type SocketEnding,
} from "./message-socket.ts";

const MOST_WAITING_BYTES = 16 * 1024 * 1024;
/** There is no event for it. */
const LOOK_FOR_ROOM_MS = 10;

/** A page sees nothing of an answer that is no WebSocket. */
export async function openSocket(
  address: URL,
  { apiKey, token }: SocketCredentials,
  _refused: unknown,
  signal: AbortSignal | undefined,
): Promise<MessageSocket> {
  signal?.throwIfAborted();
  const secret = apiKey ?? token;
  const socket = new WebSocket(address, secret === undefined ? [PROTOCOL] : [PROTOCOL, `roost.auth.${secret}`]);
  const ours = new PlatformSocket(socket);
  const opened = Promise.withResolvers<void>();
  const abort = (): void => ours.close();
  socket.onopen = () => opened.resolve();
  signal?.addEventListener("abort", abort, { once: true });
  void ours.ending.then(() => opened.reject(new TypeError("no WebSocket could be opened")));
  try {
    await opened.promise;
    return ours;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

class PlatformSocket implements MessageSocket {
  readonly #socket: WebSocket;
  readonly #arrivals = new Arrivals();
  readonly #ended = Promise.withResolvers<SocketEnding>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#arrive(data);
    socket.onclose = ({ code, reason }) => this.#end({ code, reason });
  }

  get ending(): Promise<SocketEnding> {
    return this.#ended.promise;
  }

  next(): Promise<string | Uint8Array | undefined> {
    return this.#arrivals.take();
  }

  async send(data: string | Uint8Array): Promise<void> {
    this.#socket.send(data as string | Uint8Array<ArrayBuffer>);
    while (this.#socket.bufferedAmount > SEND_ROOM_BYTES && this.#socket.readyState === WebSocket.OPEN) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_FOR_ROOM_MS));
    }
  }

  close(): void {
    this.#socket.onmessage = null;
    this.#arrivals.clear();
    this.#socket.close();
    this.#end({ code: BROKEN, reason: "" });
  }

  #arrive(data: string | ArrayBuffer): void {
    this.#arrivals.add(typeof data === "string" ? data : new Uint8Array(data));
    if (this.#arrivals.bytes <= MOST_WAITING_BYTES) return;
    const cause = new RangeError(`more than ${MOST_WAITING_BYTES} bytes came that nobody has read`);
    this.#end({ code: BROKEN, reason: "", cause });
    this.close();
  }

  #end(ending: SocketEnding): void {
    this.#arrivals.end();
    this.#ended.resolve(ending);
  }
}
