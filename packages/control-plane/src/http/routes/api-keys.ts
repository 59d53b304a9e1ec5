/** A team's API keys. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { ApiKeys } from "../../api-keys/api-keys.ts";
import { personOf, teamOf } from "../access.ts";
import { noteAudit } from "../audit.ts";
import { LINK_HEADER, PageQuery, page } from "../pages.ts";
import { ApiKeyRef, NewApiKey, showApiKey } from "../schemas/api-keys.ts";
import { IdParams } from "../schemas/ids.ts";
import { FutureTime, Text } from "../schemas/text.ts";

export function apiKeysRoutes(apiKeys: ApiKeys): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      "/v1/api-keys",
      {
        config: { access: "session", audit: "api-key.create" },
        schema: {
          tags: ["account"],
          summary: "Make an API key",
          body: Type.Object(
            {
              name: Text({ minLength: 1, maxLength: 100 }),
              expires_at: Type.Optional(FutureTime({ description: "When it ends; without it, never." })),
            },
            { additionalProperties: false },
          ),
          response: { 201: NewApiKey },
        },
      },
      async (request, reply) => {
        const { teamId, userId } = personOf(request);
        const { name, expires_at: end } = request.body;
        const key = await apiKeys.create(teamId, userId, { name, expiresAt: end === undefined ? null : new Date(end) });
        noteAudit(request, { subject: key.id, details: { name } });
        reply.code(201);
        return showApiKey(key);
      },
    );

    app.get(
      "/v1/api-keys",
      {
        config: { access: "session" },
        schema: {
          tags: ["account"],
          summary: "List the team's API keys, newest first",
          querystring: Type.Object(PageQuery, { additionalProperties: false }),
          response: { 200: Type.Array(ApiKeyRef, { headers: LINK_HEADER, description: "A page of them." }) },
        },
      },
      async (request, reply) => {
        const rows = await page(request, reply, (next) => apiKeys.list(teamOf(request), next));
        return rows.map(showApiKey);
      },
    );

    app.delete(
      "/v1/api-keys/:id",
      {
        config: { access: "session", audit: "api-key.delete", errors: ["not_found", "forbidden"] },
        schema: {
          tags: ["account"],
          summary: "Delete an API key; it opens nothing from then on",
          params: IdParams("apiKey"),
          response: { 204: Type.Null({ description: "Deleted." }) },
        },
      },
      async (request, reply) => {
        await apiKeys.remove(teamOf(request), personOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );
  };
}
