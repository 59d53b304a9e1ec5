/** How an error looks on the wire. */
import { ERROR_CODES, type ErrorCode } from "@roost/protocol/errors";
import { Type } from "typebox";
import { Choice } from "./choice.ts";

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

export const ErrorBody = Type.Object(
  {
    error: Type.Object({
      code: Choice(CODES, { description: "Stable; to be acted on." }),
      message: Type.String({ description: "For people; says what to do." }),
      sandbox_ids: Type.Optional(
        Type.Array(Type.String(), { description: "With `host_has_sandboxes`: the sandboxes in the way." }),
      ),
    }),
  },
  { $id: "Error", description: "An error." },
);

const MEANINGS: Readonly<Record<ErrorCode, string>> = {
  invalid_request: "the request is not right; the message names the field",
  unauthorized: "no credentials, or wrong, expired or revoked ones",
  forbidden: "not allowed with these credentials",
  not_found: "there is no such thing, or it is another team's",
  conflict: "taken, done already, or under way",
  not_running: "the sandbox is not running",
  not_paused: "the sandbox is not paused",
  sandbox_paused: "the sandbox was paused meanwhile",
  limit_reached: "the team has as much as it may have; the message says of what",
  host_has_sandboxes: "the host has sandboxes",
  host_deleted: "the host was deleted",
  payload_too_large: "larger than the limit",
  rate_limited: "too many requests",
  internal: "a fault of this server; the log has it under the request id",
  host_failed: "the host failed",
  no_capacity: "no host has room; the message says what is missing",
  database_unavailable: "the database does not answer at this moment; try again after `Retry-After`",
  host_unavailable: "the host does not answer",
  disk_full: "no space is left on the disk",
};

/** The error answers of a route, by HTTP status: the schema, and in words which codes come with that status. */
export function errorAnswers(codes: Iterable<ErrorCode>): Record<string, unknown> {
  const byStatus = new Map<number, string[]>();
  for (const code of new Set(codes)) {
    const status = ERROR_CODES[code].http;
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${MEANINGS[code]}`]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, meanings]) => [status, { description: meanings.join("; "), $ref: "Error#" }]),
  );
}
