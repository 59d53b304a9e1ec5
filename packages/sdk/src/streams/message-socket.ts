/**
 * A WebSocket as the streams of this package need one: read message by message, and never holding more than a bound. `#socket` names the
 * implementation: in Node one that stops reading from the network while nobody takes its messages, elsewhere the platform's own, which
 * cannot do that.
 */

export interface SocketEnding {
  readonly code: number;
  readonly reason: string;
  /** The network's own error, where it told one. */
  readonly cause?: unknown;
}

export interface SocketCredentials {
  readonly apiKey: string | undefined;
  readonly token: string | undefined;
}

export interface MessageSocket {
  /** How it ended. */
  readonly ending: Promise<SocketEnding>;
  /** The next message, in order; undefined: there are no more, and `ending` says why. To be called by one at a time. */
  next(): Promise<string | Uint8Array | undefined>;
  /** Resolves when there is room for more, or when nobody takes anything any more. */
  send(data: string | Uint8Array): Promise<void>;
  /** Ends it, without waiting for what is still to come. */
  close(): void;
}

/**
 * Connects. A server that refuses to speak WebSocket is told by `refused`, from its answer. @throws what `refused` makes, the signal's
 * reason, or the network's own error.
 */
export type OpenSocket = (
  address: URL,
  credentials: SocketCredentials,
  refused: (answer: Response) => Promise<Error>,
  signal: AbortSignal | undefined,
) => Promise<MessageSocket>;

export const PROTOCOL = "roost.v1";
/** What may wait to be sent. */
export const SEND_ROOM_BYTES = 256 * 1024;
/** A connection that broke, or was given up here, has no code of its own on the wire. */
export const BROKEN = 1006;
