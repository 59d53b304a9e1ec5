import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { typeOfSchema } from "./type-of-schema.ts";
import { WIRE_TYPES_FILE, wireTypes } from "./wire-types.ts";

test("A6: the SDK's wire types are those of this server's document", async () => {
  const committed = await readFile(WIRE_TYPES_FILE, "utf8");
  assert.equal(committed, await wireTypes(), "run npm run generate, and commit packages/sdk/src/gen");
});

test("a schema becomes the type of what it lets through", () => {
  assert.equal(typeOfSchema({ anyOf: [{ type: "string" }, { type: "null" }] }), "string | null");
  assert.equal(typeOfSchema({ type: "array", items: { $ref: "#/components/schemas/Host" } }), "readonly Host[]");
  assert.equal(typeOfSchema({ type: "array", items: { enum: ["a", "b"], type: "string" } }), 'readonly ("a" | "b")[]');
  assert.equal(
    typeOfSchema({ type: "object", properties: { a: { type: "integer" }, b: { type: "boolean" } }, required: ["a"] }),
    "{\n  readonly a: number;\n  readonly b?: boolean;\n}",
  );
  assert.equal(
    typeOfSchema({ type: "object", patternProperties: { "^.*$": { type: "string" } } }),
    "Readonly<Record<string, string>>",
  );
  assert.throws(() => typeOfSchema({ type: "tuple" }), /no TypeScript type/);
});
