/** The OpenAPI 3.1 document, made from the very schemas that check requests and write answers. */
import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { SECURITY_SCHEMES } from "./access.ts";
import { ErrorBody } from "./schemas/errors.ts";
import { Host, Sandbox } from "./schemas/resources.ts";

const TAGS = [
  { name: "account", description: "People, teams and their keys." },
  { name: "sandboxes", description: "MicroVMs: making, using, destroying them." },
  { name: "files", description: "Files in and out of a sandbox." },
  { name: "hosts", description: "The machines that run sandboxes." },
  { name: "operation", description: "For supervisors." },
];

/** To be called before any route is registered. */
export async function describeRoutes(app: FastifyInstance): Promise<void> {
  for (const schema of [ErrorBody, Sandbox, Host]) app.addSchema(schema);
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
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema.$id === "string" ? schema.$id : `schema-${index}`,
    },
  });
  app.get("/openapi.json", { config: { access: "anyone" }, schema: { hide: true } }, () => app.swagger());
}
