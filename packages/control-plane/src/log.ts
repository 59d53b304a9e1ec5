/** JSON lines on standard output. Nothing secret gets that far: headers and bodies are never logged, errors lose their values. */
import pg from "pg";
import pino, { type DestinationStream, type Logger } from "pino";

/** PostgreSQL names the values that broke a constraint, and the statement's parameters may be anything. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const sql = error instanceof pg.DatabaseError ? { sqlstate: error.code, constraint: error.constraint } : {};
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
  return { type: error.constructor.name, message: error.message, ...sql, stack: error.stack, ...cause };
}

export function openLog(level: string, destination: DestinationStream = pino.destination(1)): Logger {
  const options = {
    level,
    base: { service: "control-plane" },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
  };
  return pino(options, destination);
}
