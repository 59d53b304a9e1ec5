/** What sandboxes are made from: making snapshots, listing them beside the base images, deleting them. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { idPattern } from "@roost/protocol/ids";
import { Type } from "typebox";
import type { IdempotencyKeys } from "../../idempotency/idempotency.ts";
import type { Sandboxes } from "../../sandboxes/sandboxes.ts";
import type { Snapshots } from "../../snapshots/snapshots.ts";
import { teamOf } from "../access.ts";
import { answerOnce, IdempotencyHeader } from "../answer-once.ts";
import { noteAudit } from "../audit.ts";
import { LINK_HEADER, PageQuery, page } from "../pages.ts";
import { Choice } from "../schemas/choice.ts";
import { showTemplate, TEMPLATE_TYPES, TemplateRef } from "../schemas/resources.ts";
import { Name } from "../schemas/text.ts";

const NewSnapshotBody = Type.Object(
  {
    sandbox_id: Type.String({ pattern: idPattern("sandbox"), description: "One that runs, or is paused. It stays." }),
    name: Type.Optional(Name({ description: "Made up if absent." })),
    leave: Choice(["paused", "running"], { default: "paused", description: "What the sandbox is afterwards." }),
  },
  { additionalProperties: false },
);

export interface SnapshotsRoutesParts {
  readonly snapshots: Snapshots;
  readonly sandboxes: Sandboxes;
  readonly idempotencyKeys: IdempotencyKeys;
}

export function snapshotsRoutes(parts: SnapshotsRoutesParts): FastifyPluginAsyncTypebox {
  const { snapshots, sandboxes, idempotencyKeys } = parts;

  /** What became of a snapshot whose create gave no answer. */
  async function outcomeOf(teamId: string, id: string, sandboxId: string) {
    const made = await snapshots.find(teamId, id);
    if (made) return { made: showTemplate(made) };
    const sandbox = await sandboxes.find(teamId, sandboxId);
    return sandbox?.status === "pausing" || sandbox?.status === "resuming" ? "under-way" : "nothing";
  }

  return async (app) => {
    app.post(
      "/v1/snapshots",
      {
        config: {
          access: "key-or-session",
          audit: "snapshot.create",
          errors: [
            "not_found",
            "conflict",
            "limit_reached",
            "not_running",
            "no_capacity",
            "host_failed",
            "host_unavailable",
            "disk_full",
          ],
        },
        schema: {
          tags: ["snapshots"],
          summary: "Make a snapshot of a sandbox; answered when others can be made from it",
          headers: Type.Object(IdempotencyHeader),
          querystring: Type.Object(
            {
              overwrite: Type.Boolean({
                default: false,
                description: "Replaces the team's snapshot of this name, which stays until the new one is whole.",
              }),
            },
            { additionalProperties: false },
          ),
          body: NewSnapshotBody,
          response: { 201: TemplateRef },
        },
      },
      async (request, reply) => {
        const teamId = teamOf(request);
        const { sandbox_id: sandboxId, name, leave } = request.body;
        const { overwrite } = request.query;
        reply.code(201);
        return answerOnce(request, idempotencyKeys, {
          kind: "template",
          make: async (id) => {
            const made = await snapshots.create(teamId, { id, sandboxId, name, leave, overwrite });
            noteAudit(request, { subject: id, details: { name: made.name, sandbox_id: sandboxId } });
            return showTemplate(made);
          },
          find: (id) => outcomeOf(teamId, id, sandboxId),
        });
      },
    );

    app.get(
      "/v1/snapshots",
      {
        config: { access: "key-or-session" },
        schema: {
          tags: ["snapshots"],
          summary: "List the base images and the team's snapshots, newest first",
          querystring: Type.Object(
            { ...PageQuery, type: Type.Optional(Choice(TEMPLATE_TYPES, { description: "Only these." })) },
            { additionalProperties: false },
          ),
          response: { 200: Type.Array(TemplateRef, { headers: LINK_HEADER, description: "A page of them." }) },
        },
      },
      async (request, reply) => {
        const rows = await page(request, reply, (next) => snapshots.list(teamOf(request), request.query.type, next));
        return rows.map(showTemplate);
      },
    );

    app.delete(
      "/v1/snapshots/:name",
      {
        config: { access: "key-or-session", audit: "snapshot.delete", errors: ["not_found", "forbidden"] },
        schema: {
          tags: ["snapshots"],
          summary: "Delete a snapshot; sandboxes made from it live on",
          params: Type.Object({ name: Name() }),
          response: { 204: Type.Null({ description: "Deleted; from hosts that are away, when they are back." }) },
        },
      },
      async (request, reply) => {
        await snapshots.delete(teamOf(request), request.params.name);
        return reply.code(204).send(null);
      },
    );
  };
}
