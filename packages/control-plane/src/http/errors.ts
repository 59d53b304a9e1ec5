/** The one place where errors become answers. Statuses and codes come from packages/protocol, errors.ts. */
import type { Socket } from "node:net";
import { ERROR_CODES, type ErrorCode, RoostError } from "@roost/protocol/errors";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isDatabaseUnavailable } from "../db/unavailable.ts";
import { HostHasSandboxesError } from "../hosts/hosts.ts";
import { RateLimitedError } from "./rate-limits.ts";
import { newRequestId, REQUEST_ID_HEADER } from "./request-ids.ts";

export interface ErrorAnswer {
  readonly status: number;
  readonly body: {
    readonly error: { readonly code: ErrorCode; readonly message: string; readonly sandbox_ids?: readonly string[] };
  };
}

/** What Fastify's own refusals (no JSON, too large, an unknown content type …) are in our terms. */
export function asRoostError(error: FastifyError): RoostError {
  if (error instanceof RoostError) return error;
  if (isDatabaseUnavailable(error)) {
    return new RoostError("database_unavailable", "The database does not answer at this moment; try again.", {
      cause: error,
    });
  }
  const status = error.statusCode ?? 500;
  if (status === 413)
    return new RoostError("payload_too_large", "The body is larger than the limit.", { cause: error });
  if (status === 415) {
    return new RoostError("invalid_request", "Send the body with the content-type that this route takes.", {
      cause: error,
    });
  }
  // 414: a part of the path that is longer than any id.
  if (status === 404 || status === 414) return new RoostError("not_found", "There is no such route.", { cause: error });
  if (status < 500)
    return new RoostError("invalid_request", `${error.message}.`.replace(/\.\.$/, "."), { cause: error });
  return new RoostError("internal", "Something went wrong here; the log has it under this answer's request_id.", {
    cause: error,
  });
}

/** A database that was killed is back after about as long. */
const RETRY_AFTER_SEC = 1;

export function errorAnswer(error: RoostError): ErrorAnswer {
  const sandboxIds = error instanceof HostHasSandboxesError ? { sandbox_ids: error.sandboxIds } : {};
  return {
    status: ERROR_CODES[error.code].http,
    body: { error: { code: error.code, message: error.message, ...sandboxIds } },
  };
}

/** Who asked has gone: nobody hears the answer, and what broke off is no fault. */
function isGone(reply: FastifyReply): boolean {
  return reply.raw.destroyed;
}

function answerError(failure: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = asRoostError(failure);
  const { status, body } = errorAnswer(error);
  if (status >= 500 && !isGone(reply)) {
    // A host that is full or away is the operator's business; only our own faults are ours.
    const level = error.code === "internal" ? "error" : "warn";
    request.log[level]({ err: error, code: error.code }, "request failed");
  } else request.log.debug({ err: error, code: error.code }, "request refused");
  if (error.code === "database_unavailable") reply.header("retry-after", RETRY_AFTER_SEC);
  if (error instanceof RateLimitedError) reply.header("Retry-After", String(error.retryAfterSec));
  void reply.code(status).type("application/json; charset=utf-8").send(body);
}

/** What does not even reach a route because it is no HTTP. */
function answerMalformed(this: FastifyInstance, error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const { body } = errorAnswer(new RoostError("invalid_request", "This is not a well-formed HTTP request."));
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\n${REQUEST_ID_HEADER}: ${newRequestId()}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}

export const clientErrorHandler = answerMalformed;

/** What fails before there is a route, such as a path that cannot be decoded. No hook has run for it. */
export function frameworkErrors(failure: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  reply.header(REQUEST_ID_HEADER, request.id);
  answerError(failure, request, reply);
}

export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>(answerError);
  app.setNotFoundHandler(() => {
    throw new RoostError("not_found", "There is no such route; /openapi.json lists them all.");
  });
}
