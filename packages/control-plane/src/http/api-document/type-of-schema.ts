/** A JSON schema of the document as a TypeScript type. Only the kinds of schemas that our routes are made of: another one is an error. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly description?: string;
  readonly format?: string;
}

const PRIMITIVES: Readonly<Record<string, string>> = {
  string: "string",
  integer: "number",
  number: "number",
  boolean: "boolean",
  null: "null",
};

export function typeOfSchema(schema: Schema, indent = ""): string {
  if (schema.$ref !== undefined) return schema.$ref.replace(/^.*\//, "");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf) return schema.anyOf.map((each) => typeOfSchema(each, indent)).join(" | ");
  if (schema.type === "array") {
    const item = typeOfSchema(schema.items ?? {}, indent);
    return item.includes(" | ") ? `readonly (${item})[]` : `readonly ${item}[]`;
  }
  if (schema.type === "object") return typeOfObject(schema, indent);
  if (schema.format === "binary") return "Blob";
  const primitive = PRIMITIVES[schema.type ?? ""];
  if (primitive) return primitive;
  if (schema.type === undefined && schema.properties === undefined) return "unknown";
  throw new Error(`no TypeScript type for the schema ${JSON.stringify(schema)}`);
}

function typeOfObject(schema: Schema, indent: string): string {
  const inner = `${indent}  `;
  const named = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const optional = schema.required?.includes(name) ? "" : "?";
    const comment = field.description ? `${inner}/** ${field.description.replaceAll("*/", "*\\/")} */\n` : "";
    const key = /^[a-z_][a-z0-9_]*$/i.test(name) ? name : JSON.stringify(name);
    return `${comment}${inner}readonly ${key}${optional}: ${typeOfSchema(field, inner)};\n`;
  });
  const { additionalProperties } = schema;
  const further = typeof additionalProperties === "object" ? additionalProperties : undefined;
  const others = Object.values(schema.patternProperties ?? {})[0] ?? further;
  if (named.length === 0) return `Readonly<Record<string, ${others ? typeOfSchema(others, indent) : "unknown"}>>`;
  return `{\n${named.join("")}${indent}}`;
}
