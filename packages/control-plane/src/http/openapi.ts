/** The OpenAPI 3.1 document, made from the very schemas that check requests and write answers. */
import swagger, { type SwaggerTransform, type SwaggerTransformObject } from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { SECURITY_SCHEMES } from "./access.ts";
import { ApiKey } from "./schemas/api-keys.ts";
import { ErrorBody } from "./schemas/errors.ts";
import { AuditEvent, Team, TeamInvite, TeamMember } from "./schemas/people.ts";
import { Host, Sandbox, Template } from "./schemas/resources.ts";
import { STREAM_SCHEMAS } from "./schemas/stream-messages.ts";

const TAGS = [
  { name: "account", description: "People, their sessions, and keys." },
  { name: "teams", description: "Teams, who is in them, and what was changed in them." },
  { name: "sandboxes", description: "MicroVMs: making, using, destroying them." },
  { name: "files", description: "Files in and out of a sandbox." },
  { name: "snapshots", description: "What sandboxes are made from: base images, and snapshots of sandboxes." },
  { name: "hosts", description: "The machines that run sandboxes." },
  { name: "operation", description: "For supervisors." },
];

const SCHEMAS = [
  ErrorBody,
  Sandbox,
  Template,
  Host,
  Team,
  TeamMember,
  TeamInvite,
  AuditEvent,
  ApiKey,
  ...STREAM_SCHEMAS,
];

interface Fields {
  readonly type?: string;
  readonly properties?: Record<string, { readonly default?: unknown }>;
  readonly required?: readonly string[];
}

/** A field with a default need not be sent, though it is always there once the request has been checked. */
function asSent(fields: unknown): unknown {
  const { properties, required } = (fields ?? {}) as Fields;
  if (!properties || !required) return fields;
  const needed = required.filter((name) => properties[name]?.default === undefined);
  const { required: _, ...rest } = fields as Fields;
  return needed.length > 0 ? { ...rest, required: needed } : rest;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** The body that the document describes is one way to send it; none at all is another. */
    bodyMayBeBare?: true;
  }
}

/** In the document only while it is made. */
const BARE = "x-body-may-be-bare";

const transform: SwaggerTransform = ({ schema, url, route }) => {
  const { body, querystring, ...same } = schema ?? {};
  const inputs = {
    ...(body ? { body: asSent(body) } : {}),
    ...(querystring ? { querystring: asSent(querystring) } : {}),
  };
  const bare = route.config?.bodyMayBeBare ? { [BARE]: true } : {};
  return { schema: { ...same, ...inputs, ...bare }, url };
};

/** A body of which every field may be left out may be left out itself. */
const transformObject: SwaggerTransformObject = (described) => {
  if (!("openapiObject" in described)) return described.swaggerObject;
  const { openapiObject } = described;
  for (const path of Object.values(openapiObject.paths ?? {})) {
    for (const operation of [path?.post, path?.patch]) {
      const body = operation?.requestBody;
      if (!operation || !body || !("content" in body)) continue;
      const fields = Object.values(body.content)[0]?.schema as Fields | undefined;
      body.required = (fields?.required ?? []).length > 0 && !(BARE in operation);
      Reflect.deleteProperty(operation, BARE);
    }
  }
  return openapiObject;
};

/**
 * Describes all routes that are registered from now on, and serves the page to try them on at /docs. The page's own routes are the
 * only ones outside of what is guarded: files of a package, for everyone.
 */
export async function describeRoutes(app: FastifyInstance): Promise<void> {
  for (const schema of SCHEMAS) app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Roost",
        version: "1",
        description:
          "Sandboxes in microVMs, on machines of your own. Every answer bears its request's id in `request_id`.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/", description: "This server." }],
      tags: TAGS,
      components: { securitySchemes: SECURITY_SCHEMES },
    },
    transform,
    transformObject,
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema.$id === "string" ? schema.$id : `schema-${index}`,
    },
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    // The document's one address; the package would serve it a second time, with another.
    uiConfig: { url: "/openapi.json", persistAuthorization: false, validatorUrl: null },
    staticCSP: PAGE_POLICY,
  });
}

/** Nothing from anywhere but this server. Its styles are written into elements by its script. */
const PAGE_POLICY = {
  "default-src": ["'none'"],
  "script-src": ["'self'"],
  "style-src": ["'self'", "'unsafe-inline'"],
  "img-src": ["'self'", "data:"],
  "connect-src": ["'self'"],
  "base-uri": ["'none'"],
  "form-action": ["'none'"],
  "frame-ancestors": ["'none'"],
};

export function serveDocument(app: FastifyInstance): void {
  app.get("/openapi.json", { config: { access: "anyone", rate: "none" }, schema: { hide: true } }, () => app.swagger());
}
