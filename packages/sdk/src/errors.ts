/**
 * What can go wrong, as four classes a caller can tell apart: the server said no (`RoostApiError`), nobody answered
 * (`RoostConnectionError`), something answered that is no Roost (`RoostProtocolError`), or the caller asked for what
 * cannot be (a plain `TypeError`). A cancelled call rejects with its signal's own reason, like `fetch`.
 */

import type * as wire from "./gen/wire.ts";

/** The codes of the REST contract. A newer server may have more: `(string & {})` keeps completion without a lie. */
export type RoostErrorCode = wire.Error["error"]["code"] | (string & {});

export interface RoostApiErrorDetails {
  readonly code: RoostErrorCode;
  /** The HTTP status; of a stream, the one that a request would have had. */
  readonly status: number;
  /** Of a stream: the close code of its WebSocket, such as 4410 for a sandbox that was paused. */
  readonly closeCode?: number | undefined;
  /** What to look for in the server's log. */
  readonly requestId?: string | undefined;
  /** How long the server asked to be left alone. */
  readonly retryAfterSec?: number | undefined;
  /** The sandboxes that stand in the way of deleting a host (`host_has_sandboxes`). */
  readonly sandboxIds?: readonly string[] | undefined;
}

/** The server understood, and refused or failed. The message says what to do. */
export class RoostApiError extends Error {
  override readonly name = "RoostApiError";
  readonly code: RoostErrorCode;
  readonly status: number;
  readonly closeCode: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSec: number | undefined;
  readonly sandboxIds: readonly string[];

  constructor(message: string, details: RoostApiErrorDetails) {
    super(message);
    this.code = details.code;
    this.status = details.status;
    this.closeCode = details.closeCode;
    this.requestId = details.requestId;
    this.retryAfterSec = details.retryAfterSec;
    this.sandboxIds = details.sandboxIds ?? [];
  }
}

/** No answer, or one that broke off. `cause` is the network's own error. */
export class RoostConnectionError extends Error {
  override readonly name = "RoostConnectionError";
}

/** An answer that no Roost gives: a proxy's page, another program on that port, a much older or newer server. */
export class RoostProtocolError extends Error {
  override readonly name = "RoostProtocolError";
}
