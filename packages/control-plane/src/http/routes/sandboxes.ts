/** Making, finding and destroying sandboxes. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Limits } from "../../config.ts";
import type { SandboxRow } from "../../db/tables.ts";
import type { IdempotencyKeys } from "../../idempotency/idempotency.ts";
import type { Sandboxes } from "../../sandboxes/sandboxes.ts";
import { teamOf } from "../access.ts";
import { answerOnce, IdempotencyHeader } from "../answer-once.ts";
import { noteAudit } from "../audit.ts";
import { LINK_HEADER, PageQuery, page } from "../pages.ts";
import { Choice } from "../schemas/choice.ts";
import { IdParams } from "../schemas/ids.ts";
import { SANDBOX_STATUSES, SandboxRef, showSandbox } from "../schemas/resources.ts";
import { Environment, Metadata, Name, Text } from "../schemas/text.ts";

/** The most that PostgreSQL's integer holds; what a host really has is checked against the hosts. */
const INT_MAX = 2 ** 31 - 1;

function NewSandboxBody(limits: Limits) {
  return Type.Object(
    {
      template: Name({ default: "minimal", description: "A base image, or a snapshot of the team's." }),
      vcpus: Type.Integer({ minimum: 1, maximum: limits.maxVcpus, default: 1 }),
      memory_mb: Type.Integer({
        minimum: limits.minMemoryMb,
        maximum: INT_MAX,
        default: Math.max(512, limits.minMemoryMb),
        description: "In MiB; at most what the largest host has.",
      }),
      timeout_sec: Type.Integer({
        minimum: 0,
        maximum: INT_MAX,
        default: 0,
        description: "Idle seconds after which it pauses itself; 0: never.",
      }),
      metadata: Metadata({
        maxProperties: 64,
        default: {},
        description: "Names and texts of one's own, to find the sandbox by.",
      }),
      env: Environment({ default: {}, description: "For all of its commands." }),
      internet: Type.Boolean({ default: true, description: "False: it reaches nothing outside itself." }),
    },
    { additionalProperties: false },
  );
}

const ListQuery = Type.Object(
  {
    ...PageQuery,
    status: Type.Optional(
      Type.Array(Choice(SANDBOX_STATUSES), {
        minItems: 1,
        maxItems: SANDBOX_STATUSES.length,
        description: "Only these; may be repeated. Without it all but `stopped`.",
      }),
    ),
  },
  { patternProperties: { "^metadata\\.[^\\u0000]{1,128}$": Text({ maxLength: 1024 }) }, additionalProperties: false },
);

/** `metadata.user=ann` asks for sandboxes whose metadata has `user: "ann"`. */
function metadataIn(query: object): Record<string, string> {
  const prefix = "metadata.";
  const wanted = Object.entries(query).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(wanted.map(([name, value]) => [name.slice(prefix.length), String(value)]));
}

export interface SandboxesRoutesParts {
  readonly sandboxes: Sandboxes;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly limits: Limits;
}

export function sandboxesRoutes(parts: SandboxesRoutesParts): FastifyPluginAsyncTypebox {
  const { sandboxes, idempotencyKeys, limits } = parts;
  return async (app) => {
    app.post(
      "/v1/sandboxes",
      {
        config: {
          access: "key-or-session",
          audit: "sandbox.create",
          errors: ["not_found", "conflict", "limit_reached", "no_capacity", "host_failed"],
        },
        schema: {
          tags: ["sandboxes"],
          summary: "Make a sandbox; answered when it takes commands",
          headers: Type.Object(IdempotencyHeader),
          body: NewSandboxBody(limits),
          response: { 201: SandboxRef },
        },
      },
      async (request, reply) => {
        const teamId = teamOf(request);
        const { memory_mb: memoryMb, timeout_sec: timeoutSec, ...same } = request.body;
        reply.code(201);
        return answerOnce(request, idempotencyKeys, {
          kind: "sandbox",
          make: async (id) => {
            noteAudit(request, {
              subject: id,
              details: { template: same.template, vcpus: same.vcpus, memory_mb: memoryMb },
            });
            return showSandbox(await sandboxes.create(teamId, { id, memoryMb, timeoutSec, ...same }));
          },
          find: async (id) => outcomeOf(await sandboxes.find(teamId, id)),
        });
      },
    );

    app.get(
      "/v1/sandboxes",
      {
        config: { access: "key-or-session" },
        schema: {
          tags: ["sandboxes"],
          summary: "List the team's sandboxes, newest first",
          description: "`?metadata.NAME=VALUE` (any number) keeps those whose metadata says so.",
          querystring: ListQuery,
          response: { 200: Type.Array(SandboxRef, { headers: LINK_HEADER, description: "A page of them." }) },
        },
      },
      async (request, reply) => {
        const filter = { statuses: request.query.status, metadata: metadataIn(request.query) };
        const rows = await page(request, reply, (next) => sandboxes.list(teamOf(request), filter, next));
        return rows.map(showSandbox);
      },
    );

    app.get(
      "/v1/sandboxes/:id",
      {
        config: { access: "key-or-session", errors: ["not_found"] },
        schema: {
          tags: ["sandboxes"],
          summary: "Show a sandbox",
          params: IdParams("sandbox"),
          response: { 200: SandboxRef },
        },
      },
      async (request) => showSandbox(await sandboxes.get(teamOf(request), request.params.id)),
    );

    app.delete(
      "/v1/sandboxes/:id",
      {
        config: { access: "key-or-session", audit: "sandbox.destroy", errors: ["not_found"] },
        schema: {
          tags: ["sandboxes"],
          summary: "Destroy a sandbox, in whatever state it is",
          params: IdParams("sandbox"),
          response: {
            204: Type.Null({ description: "Destroyed; or, its host being silent, `stopping` until the host is back." }),
          },
        },
      },
      async (request, reply) => {
        await sandboxes.destroy(teamOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );
  };
}

/** What became of a sandbox whose create gave no answer. */
function outcomeOf(row: SandboxRow | undefined) {
  if (!row) return "nothing";
  return row.status === "pending" || row.status === "starting" ? "under-way" : { made: showSandbox(row) };
}
