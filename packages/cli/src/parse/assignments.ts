/** `--env KEY=VALUE`, any number of times. */
import { InvalidArgumentError } from "commander";
import { usageFailure } from "../command-failure.ts";
import type { Environment } from "../surroundings.ts";

export interface Assignment {
  readonly key: string;
  /** Undefined where only a name was given. */
  readonly value: string | undefined;
}

/** For commander, which calls this once for each use of the option. */
export function collectAssignment(text: string, before: readonly Assignment[] = []): readonly Assignment[] {
  const [, key, value] = /^([^=]+)(?:=(.*))?$/s.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError("It looks like KEY=VALUE.");
  return [...before, { key, value }];
}

/** Environment variables; one without a value has the value it has here. */
export function toEnvironment(
  assignments: readonly Assignment[] | undefined,
  own: Environment,
): Record<string, string> | undefined {
  return toRecord(assignments, (key) => {
    const value = own[key];
    if (value === undefined)
      throw usageFailure(`--env ${key}: ${key} is not set here; give it a value: --env ${key}=…`);
    return value;
  });
}

/** Metadata, where nothing has a value of its own. */
export function toMetadata(assignments: readonly Assignment[] | undefined): Record<string, string> | undefined {
  return toRecord(assignments, (key) => {
    throw usageFailure(`--metadata ${key} has no value: write --metadata ${key}=…`);
  });
}

function toRecord(
  assignments: readonly Assignment[] | undefined,
  missing: (key: string) => string,
): Record<string, string> | undefined {
  if (assignments === undefined) return undefined;
  // Object.fromEntries defines its properties, so that even a name like __proto__ is just a name.
  return Object.fromEntries(assignments.map(({ key, value }) => [key, value ?? missing(key)]));
}
