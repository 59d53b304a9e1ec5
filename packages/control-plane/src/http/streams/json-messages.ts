/** Text messages of a client, parsed and checked against the schema that their `type` names. */
import { RoostError } from "@roost/protocol/errors";
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import Value from "typebox/value";
import { requireValid } from "../validation.ts";
import type { StreamMessage } from "./stream-socket.ts";

type Messages<S extends Readonly<Record<string, TSchema>>> = { [T in keyof S]: Static<S[T]> }[keyof S];

/** @returns a reader of such messages. It throws RoostError `invalid_request`. */
export function jsonMessages<S extends Readonly<Record<string, TSchema>>>(
  schemas: S,
): (message: StreamMessage) => Messages<S> {
  const compiled = new Map(Object.entries(schemas).map(([type, schema]) => [type, { schema, check: Compile(schema) }]));
  const known = [...compiled.keys()].join(", ");
  return (message) => {
    const value = parsed(message);
    const type = typeof value.type === "string" ? value.type : "";
    const found = compiled.get(type);
    if (!found) throw new RoostError("invalid_request", `type must be one of ${known}.`);
    const filled = Value.Default(found.schema, value);
    if (!found.check.Check(filled)) requireValid(found.schema, filled);
    return filled as Messages<S>;
  };
}

function parsed({ bytes, isBinary }: StreamMessage): Record<string, unknown> {
  if (isBinary) throw new RoostError("invalid_request", "A text message is due here, not a binary one.");
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // The answer is the same.
  }
  throw new RoostError("invalid_request", "A text message is one JSON object.");
}
