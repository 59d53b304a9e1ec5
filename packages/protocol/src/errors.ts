/**
 * The error codes of the whole system, and how each travels: as an HTTP status between client and control plane, as a
 * Connect code (with an `ErrorReason` detail) between control plane and host agent. One table, so that no one reads texts.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorReasonSchema } from "./gen/hostagent/v1/hostagent_pb.ts";

export const ERROR_CODES = {
  invalid_request: { http: 400, rpc: Code.InvalidArgument },
  unauthorized: { http: 401, rpc: Code.Unauthenticated },
  forbidden: { http: 403, rpc: Code.PermissionDenied },
  not_found: { http: 404, rpc: Code.NotFound },
  conflict: { http: 409, rpc: Code.AlreadyExists },
  not_running: { http: 409, rpc: Code.FailedPrecondition },
  not_paused: { http: 409, rpc: Code.FailedPrecondition },
  sandbox_paused: { http: 409, rpc: Code.Aborted },
  limit_reached: { http: 409, rpc: Code.ResourceExhausted },
  host_has_sandboxes: { http: 409, rpc: Code.FailedPrecondition },
  host_deleted: { http: 410, rpc: Code.NotFound },
  payload_too_large: { http: 413, rpc: Code.OutOfRange },
  rate_limited: { http: 429, rpc: Code.ResourceExhausted },
  internal: { http: 500, rpc: Code.Internal },
  host_failed: { http: 502, rpc: Code.Unavailable },
  no_capacity: { http: 503, rpc: Code.ResourceExhausted },
  database_unavailable: { http: 503, rpc: Code.Unavailable },
  host_unavailable: { http: 503, rpc: Code.Unavailable },
  disk_full: { http: 507, rpc: Code.ResourceExhausted },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A failure with a code that callers act on, and a sentence that says to a person what to do. */
export class RoostError extends Error {
  override readonly name = "RoostError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

/** The error as it goes over an RPC: its Connect code, its message, its code as a detail. */
export function toConnectError(error: RoostError): ConnectError {
  const reason = { desc: ErrorReasonSchema, value: { code: error.code } };
  return new ConnectError(error.message, ERROR_CODES[error.code].rpc, undefined, [reason], error);
}

/** The error as the other side meant it; without its detail (a broken connection, a stranger), `fallback`. */
export function fromConnectError(error: unknown, fallback: ErrorCode): RoostError {
  if (error instanceof RoostError) return error;
  const connectError = ConnectError.from(error);
  const code = connectError.findDetails(ErrorReasonSchema)[0]?.code ?? "";
  return new RoostError(isErrorCode(code) ? code : fallback, connectError.rawMessage, { cause: error });
}
