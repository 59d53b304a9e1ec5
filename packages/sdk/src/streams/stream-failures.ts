/** From how a stream ended to the error that says so: the close codes of docs/api.md, and their reasons. */
import { RoostApiError, RoostConnectionError } from "../errors.ts";
import type { SocketEnding } from "./message-socket.ts";

const NORMAL = 1000;
const GOING_AWAY = 1001;

/** The status that a request would have had. */
const STATUSES: Readonly<Record<number, number>> = {
  1009: 413,
  1011: 500,
  1013: 503,
  4400: 400,
  4401: 401,
  4403: 403,
  4404: 404,
  4409: 409,
  4410: 409,
};

/** What the server said in words before it closed; its close reason may be cut short. */
export interface SaidError {
  readonly code: string;
  readonly message: string;
}

/** For a stream that ended before all was said. */
export function failureOf(origin: string, { code, reason, cause }: SocketEnding, said?: SaidError): Error {
  const { code: name, message } = said ?? readReason(reason);
  const status = STATUSES[code];
  if (name !== undefined && (said !== undefined || status !== undefined)) {
    return new RoostApiError(message, { code: name, status: status ?? 500, closeCode: code });
  }
  const why = cause instanceof Error ? cause.message : reason === "" ? whyOf(code) : reason;
  return new RoostConnectionError(`The stream from ${origin} broke off (${why}).`, { cause });
}

/** `sandbox_paused: It was paused meanwhile.` */
function readReason(reason: string): { code: string | undefined; message: string } {
  const [, code, message = ""] = /^([a-z_]+): (.+)$/s.exec(reason) ?? [];
  return { code, message };
}

function whyOf(code: number): string {
  if (code === NORMAL) return "the server closed it before the end";
  if (code === GOING_AWAY) return "the server is stopping";
  return `the connection was lost, ${code}`;
}
