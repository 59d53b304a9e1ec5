/** API keys, as answers show them. */
import { type Static, Type } from "typebox";
import { Nullable, Time } from "./text.ts";

const FIELDS = {
  id: Type.String(),
  team_id: Type.String(),
  name: Type.String(),
  key_prefix: Type.String({ description: "The key's first characters, to tell keys apart." }),
  created_by: Nullable(Type.String({ description: "The user who made it." })),
  created_at: Time(),
  last_used: Nullable(Time({ description: "True to within a minute." })),
  expires_at: Nullable(Time({ description: "From then on it opens nothing." })),
};

export const ApiKey = Type.Object(FIELDS, { $id: "ApiKey", description: "An API key, without the key itself." });
export const ApiKeyRef = Type.Unsafe<Static<typeof ApiKey>>({ $ref: "ApiKey#" });
export const NewApiKey = Type.Object(
  { ...FIELDS, key: Type.String({ description: "Shown here only, and never again." }) },
  { description: "The new key." },
);

interface Times {
  readonly created_at: Date;
  readonly last_used: Date | null;
  readonly expires_at: Date | null;
}

export function showApiKey<T extends Times>(row: T) {
  const time = (at: Date | null) => at?.toISOString() ?? null;
  const { created_at, last_used, expires_at } = row;
  return { ...row, created_at: created_at.toISOString(), last_used: time(last_used), expires_at: time(expires_at) };
}
