/**
 * Tells whether a statement failed because the database is away: restarting, recovering, out of reach. Nothing is wrong with the
 * statement then; whether it was carried out is not known.
 */
import pg from "pg";

/** Of Node, when a connection cannot be made or breaks. */
const CONNECTION_ERRORS = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EAI_AGAIN",
]);

/** Of pg, which gives these no code: a connection that ended under a statement, and a pool that found none in time. */
const PG_MESSAGES = [
  /^Connection terminated/,
  /^timeout exceeded when trying to connect$/,
  /^Client has encountered a connection error/,
];

export function isDatabaseUnavailable(error: unknown): boolean {
  // A name with several addresses fails with one error for each.
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isDatabaseUnavailable);
  // The server ends a connection after an error of these severities; refusing one is FATAL too.
  if (error instanceof pg.DatabaseError) return error.severity === "FATAL" || error.severity === "PANIC";
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  // Sockets' calls: a file that is not there (ENOENT of `open`) is another matter.
  if (code !== undefined)
    return CONNECTION_ERRORS.has(code) && /^(connect|read|write|getaddrinfo)$/.test(syscall ?? "");
  return PG_MESSAGES.some((message) => message.test(error.message));
}
