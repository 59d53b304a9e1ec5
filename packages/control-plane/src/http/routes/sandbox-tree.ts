/** The files' tree of a sandbox. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Sandboxes } from "../../sandboxes/sandboxes.ts";
import { teamOf } from "../access.ts";
import { untilDisconnect } from "../disconnect.ts";
import { FileEntry, showFileEntry } from "../schemas/file-entries.ts";
import { IdParams } from "../schemas/ids.ts";
import { GuestPath, Text } from "../schemas/text.ts";

const closed = { additionalProperties: false } as const;
const config = {
  access: "key-or-session",
  audit: "nothing",
  errors: ["not_found", "not_running", "sandbox_paused", "conflict", "host_failed", "host_unavailable", "disk_full"],
} as const;
const place = {
  path: GuestPath(),
  user: Type.Optional(Text({ minLength: 1, maxLength: 64, description: "The sandbox's default user if absent." })),
};
const MOST_DEPTH = 1000;

export function sandboxTreeRoutes(sandboxes: Sandboxes): FastifyPluginAsyncTypebox {
  const described = (summary: string) => ({ tags: ["files"], summary, params: IdParams("sandbox") });
  return async (app) => {
    app.post(
      "/v1/sandboxes/:id/files/list",
      {
        config,
        schema: {
          ...described("List a folder"),
          body: Type.Object(
            {
              ...place,
              depth: Type.Integer({
                minimum: 1,
                maximum: MOST_DEPTH,
                default: 1,
                description: "1: only its own entries. More: those of the folders in it, too; links are not followed.",
              }),
            },
            closed,
          ),
          response: { 200: Type.Array(FileEntry, { description: "Depth first, sorted by name." }) },
        },
      },
      async (request, reply) => {
        const { path, user, depth } = request.body;
        const signal = untilDisconnect(reply);
        const entries = await sandboxes.tree.list(teamOf(request), request.params.id, { path, user }, depth, signal);
        return entries.map(showFileEntry);
      },
    );

    app.post(
      "/v1/sandboxes/:id/files/stat",
      {
        config,
        schema: { ...described("Describe a file"), body: Type.Object(place, closed), response: { 200: FileEntry } },
      },
      async (request, reply) =>
        showFileEntry(
          await sandboxes.tree.stat(teamOf(request), request.params.id, request.body, untilDisconnect(reply)),
        ),
    );

    app.post(
      "/v1/sandboxes/:id/files/mkdir",
      {
        config,
        schema: {
          ...described("Make a folder, and the folders above it"),
          body: Type.Object(place, closed),
          response: { 200: FileEntry },
        },
      },
      async (request, reply) =>
        showFileEntry(
          await sandboxes.tree.makeDirectory(teamOf(request), request.params.id, request.body, untilDisconnect(reply)),
        ),
    );

    app.post(
      "/v1/sandboxes/:id/files/remove",
      {
        config,
        schema: {
          ...described("Remove a file, or a folder with all below it"),
          body: Type.Object(place, closed),
          response: { 204: Type.Null({ description: "It is not there, also if it never was." }) },
        },
      },
      async (request, reply) => {
        await sandboxes.tree.remove(teamOf(request), request.params.id, request.body, untilDisconnect(reply));
        return reply.code(204).send(null);
      },
    );

    app.post(
      "/v1/sandboxes/:id/files/move",
      {
        config,
        schema: {
          ...described("Move or rename a file or folder; the folders above its destination are made"),
          body: Type.Object({ ...place, destination: GuestPath() }, closed),
          response: { 200: FileEntry },
        },
      },
      async (request, reply) => {
        const { path, user, destination } = request.body;
        const signal = untilDisconnect(reply);
        return showFileEntry(
          await sandboxes.tree.move(teamOf(request), request.params.id, { path, user }, destination, signal),
        );
      },
    );
  };
}
