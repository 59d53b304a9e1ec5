/**
 * Checks requests against their schemas. Defaults are filled in; query strings are converted to the types their schema
 * says, bodies are taken as they are. The first fault is told in one sentence that names the field.
 */
import { RoostError } from "@roost/protocol/errors";
import type { FastifySchemaCompiler } from "fastify";
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { TLocalizedValidationError } from "typebox/error";
import Value from "typebox/value";
import { patternInWords } from "./schemas/text.ts";

/** Checks what is no whole body, with the words that a body would get. @throws RoostError `invalid_request`. */
export function requireValid<T extends TSchema>(schema: T, value: unknown): Static<T> {
  if (Value.Check(schema, value)) return value;
  throw invalid(Value.Errors(schema, value));
}

export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema);
  return (value: unknown) => {
    // No body at all stands for an empty object: all of its fields may have defaults.
    const given = Value.Default(schema, value ?? {});
    const candidate = httpPart === "body" ? given : fromText(schema, given);
    if (validator.Check(candidate)) return { value: candidate };
    if (httpPart === "params") return { error: new RoostError("not_found", "There is no such thing.") };
    return { error: invalid(validator.Errors(candidate)) };
  };
};

interface Fields {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Fields>>;
  readonly items?: Fields;
}

/** Texts of a query or header as what their schemas ask for, where they are exactly that: `true` is no number, `1` not true. */
function fromText(schema: Fields, value: unknown): unknown {
  if (schema.type === "object" && typeof value === "object" && value !== null) {
    const fields = Object.entries(value).map(([name, field]) => {
      const known = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
      return [name, known ? fromText(known, field) : field];
    });
    return Object.fromEntries(fields);
  }
  if (schema.type === "array") return [value].flat().map((item) => fromText(schema.items ?? {}, item));
  if (typeof value !== "string") return value;
  if (schema.type === "boolean") return value === "true" || (value === "false" ? false : value);
  const isNumber = schema.type === "integer" || schema.type === "number";
  return isNumber && /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : value;
}

function invalid(errors: readonly TLocalizedValidationError[]): RoostError {
  return new RoostError("invalid_request", inWords(errors));
}

/** The most telling of the faults: an unknown field is reported twice, first as a value that nothing may have. */
function inWords(errors: readonly TLocalizedValidationError[]): string {
  const error = errors.find(({ keyword }) => keyword !== "boolean") ?? errors[0];
  if (!error) return "The request is not right.";
  const where = fieldName(error.instancePath);
  switch (error.keyword) {
    case "required":
      return `${join(where, error.params.requiredProperties[0] ?? "")} is missing.`;
    case "additionalProperties":
      return `${join(where, error.params.additionalProperties[0] ?? "")} is not known here.`;
    case "enum":
      return `${where} must be one of ${error.params.allowedValues.join(", ")}.`;
    case "pattern":
      return `${where} ${patternInWords(String(error.params.pattern)) ?? error.message}.`;
    case "propertyNames":
      return `${join(where, error.params.propertyNames[0] ?? "")} is no name that may stand there.`;
    default:
      return `${where || "The body"} ${error.message}.`;
  }
}

/** `/args/3` → `args[3]`, `/env/PATH` → `env.PATH`. */
function fieldName(instancePath: string): string {
  return instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((name, part) => (/^\d+$/.test(part) && name ? `${name}[${part}]` : join(name, part)), "");
}

function join(name: string, part: string): string {
  return name ? `${name}.${part}` : part;
}
