/** A team's API keys. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { ApiKeys } from "../../api-keys/api-keys.ts";
import { personOf, teamOf } from "../access.ts";
import { LINK_HEADER, PageQuery, page } from "../pages.ts";
import { IdParams } from "../schemas/ids.ts";
import { Nullable, Text, Time } from "../schemas/text.ts";

const FIELDS = {
  id: Type.String(),
  team_id: Type.String(),
  name: Type.String(),
  key_prefix: Type.String({ description: "The key's first characters, to tell keys apart." }),
  created_at: Time(),
  last_used: Nullable(Time({ description: "True to within a minute." })),
};

const ApiKey = Type.Object(FIELDS);
const NewApiKey = Type.Object(
  { ...FIELDS, key: Type.String({ description: "Shown here only, and never again." }) },
  { description: "The new key." },
);

function show<T extends { created_at: Date; last_used: Date | null }>(row: T) {
  return { ...row, created_at: row.created_at.toISOString(), last_used: row.last_used?.toISOString() ?? null };
}

export function apiKeysRoutes(apiKeys: ApiKeys): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      "/v1/api-keys",
      {
        config: { access: "session" },
        schema: {
          tags: ["account"],
          summary: "Make an API key",
          body: Type.Object({ name: Text({ minLength: 1, maxLength: 100 }) }, { additionalProperties: false }),
          response: { 201: NewApiKey },
        },
      },
      async (request, reply) => {
        const { teamId, userId } = personOf(request);
        reply.code(201);
        return show(await apiKeys.create(teamId, userId, request.body.name));
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
          response: { 200: Type.Array(ApiKey, { headers: LINK_HEADER, description: "A page of them." }) },
        },
      },
      async (request, reply) => {
        const rows = await page(request, reply, (next) => apiKeys.list(teamOf(request), next));
        return rows.map(show);
      },
    );

    app.delete(
      "/v1/api-keys/:id",
      {
        config: { access: "session", errors: ["not_found"] },
        schema: {
          tags: ["account"],
          summary: "Delete an API key; it opens nothing from then on",
          params: IdParams("apiKey"),
          response: { 204: Type.Null({ description: "Deleted." }) },
        },
      },
      async (request, reply) => {
        await apiKeys.remove(teamOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );
  };
}
