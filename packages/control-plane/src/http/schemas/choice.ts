import { type TSchemaOptions, Type } from "typebox";

/** One of some words. */
export function Choice<const T extends string>(words: readonly T[], options: TSchemaOptions = {}) {
  return Type.Enum([...words], { type: "string", ...options });
}
