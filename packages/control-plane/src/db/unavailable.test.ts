import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { isDatabaseUnavailable } from "./unavailable.ts";

function databaseError(severity: string, code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError("no", 1, "error"), { severity, code });
}

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

test("a database that restarts, recovers, ends its connections or is not there is away", () => {
  for (const error of [
    databaseError("FATAL", "57P01"),
    databaseError("FATAL", "57P03"),
    databaseError("FATAL", "55000"),
    systemError("ECONNREFUSED", "connect"),
    systemError("ENOENT", "connect"),
    systemError("ECONNRESET", "read"),
    new AggregateError([systemError("ECONNREFUSED", "connect"), systemError("ECONNREFUSED", "connect")]),
    new Error("Connection terminated unexpectedly"),
    new Error("Connection terminated due to connection timeout"),
    new Error("timeout exceeded when trying to connect"),
  ]) {
    assert(isDatabaseUnavailable(error), error.message);
  }
});

test("an error of a statement, of a file or of the code is not the database's absence", () => {
  for (const error of [
    databaseError("ERROR", "23505"),
    systemError("ENOENT", "open"),
    new AggregateError([]),
    new AggregateError([systemError("ECONNREFUSED", "connect"), new Error("other")]),
    new TypeError("x is not a function"),
    "Connection terminated",
    undefined,
  ]) {
    assert(!isDatabaseUnavailable(error), String(error));
  }
});
