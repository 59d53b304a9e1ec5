/** How a stream ends: the close code of a WebSocket for each error, and its reason. docs/api.md lists them. */
import { type ErrorCode, RoostError } from "@roost/protocol/errors";

export const CLOSE = {
  normal: 1000,
  /** This server is stopping. */
  goingAway: 1001,
  tooBig: 1009,
  internal: 1011,
  tryAgainLater: 1013,
  badMessage: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  notFound: 4404,
  wrongState: 4409,
  paused: 4410,
} as const;

const CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  invalid_request: CLOSE.badMessage,
  unauthorized: CLOSE.unauthorized,
  forbidden: CLOSE.forbidden,
  not_found: CLOSE.notFound,
  conflict: CLOSE.wrongState,
  not_running: CLOSE.wrongState,
  not_paused: CLOSE.wrongState,
  sandbox_paused: CLOSE.paused,
  payload_too_large: CLOSE.tooBig,
  rate_limited: CLOSE.tryAgainLater,
  no_capacity: CLOSE.tryAgainLater,
  host_unavailable: CLOSE.tryAgainLater,
  database_unavailable: CLOSE.tryAgainLater,
};

/** What the protocol allows for a reason. */
const REASON_BYTES = 123;

export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** What is no RoostError is a fault of ours, and nobody's business. */
export function endingOf(error: unknown): Ending {
  if (!(error instanceof RoostError)) return { code: CLOSE.internal, reason: "internal: something went wrong here." };
  return { code: CODES[error.code] ?? CLOSE.internal, reason: shortened(`${error.code}: ${error.message}`) };
}

/** Cut between characters. */
function shortened(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= REASON_BYTES) return text;
  let end = REASON_BYTES - Buffer.byteLength("…");
  while (((bytes[end] ?? 0) & 0b1100_0000) === 0b1000_0000) end--;
  return `${bytes.toString("utf8", 0, end)}…`;
}
