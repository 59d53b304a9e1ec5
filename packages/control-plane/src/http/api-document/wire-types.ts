/**
 * `node wire-types.ts`: writes packages/sdk/src/gen/wire.ts, the types of what goes over the wire, from the OpenAPI document. A test
 * makes it anew and compares: the SDK cannot drift from the server.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { apiDocument } from "./document.ts";
import { type Schema, typeOfSchema } from "./type-of-schema.ts";

export const WIRE_TYPES_FILE = join(import.meta.dirname, "../../../../sdk/src/gen/wire.ts");

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
  readonly description?: string;
}

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

interface Document {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const HEADER = `/**
 * What goes over the wire, as the server's OpenAPI document has it: things by their names, requests and answers by their routes.
 * Made by \`npm run generate\`; not to be changed by hand.
 */
`;

export async function wireTypes(): Promise<string> {
  const { components, paths } = (await apiDocument()) as Document;
  const things = Object.entries(components.schemas).map(([name, schema]) => {
    const comment = schema.description ? `/** ${schema.description} */\n` : "";
    const type = typeOfSchema(schema);
    return `${comment}export ${schema.type === "object" && type.startsWith("{") ? `interface ${name} ${type}` : `type ${name} = ${type};`}\n`;
  });
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => typeOfOperation(`${method.toUpperCase()} ${path}`, operation)),
  );
  return `${HEADER}\n${things.join("\n")}\n/** By method and path. */\nexport interface Routes {\n${routes.join("")}}\n`;
}

function typeOfOperation(name: string, operation: Operation): string {
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === "query");
  const fields = [
    query.length > 0 && ["query", querySchema(query)],
    operation.requestBody && ["body", schemaIn(operation.requestBody)],
    ["answer", answerOf(operation)],
  ].filter((field): field is [string, Schema | undefined] => Array.isArray(field));
  const lines = fields.map(
    ([key, schema]) => `    readonly ${key}: ${schema ? typeOfSchema(schema, "    ") : "null"};\n`,
  );
  const comment = operation.summary ? `  /** ${operation.summary}. */\n` : "";
  return `${comment}  readonly ${JSON.stringify(name)}: {\n${lines.join("")}  };\n`;
}

function querySchema(parameters: readonly Parameter[]): Schema {
  const properties = parameters.map(({ name, schema, description }) => [
    name,
    { ...schema, ...(description === undefined ? {} : { description }) },
  ]);
  const required = parameters.filter((parameter) => parameter.required).map(({ name }) => name);
  return { type: "object", properties: Object.fromEntries(properties), required };
}

/** What a good answer holds; undefined when that is nothing. */
function answerOf({ responses }: Operation): Schema | undefined {
  const good = Object.entries(responses).find(([status]) => status.startsWith("2"));
  return good && schemaIn(good[1]);
}

function schemaIn({ content }: Content): Schema | undefined {
  return Object.values(content ?? {})[0]?.schema;
}

if (import.meta.main) await writeFile(WIRE_TYPES_FILE, await wireTypes());
