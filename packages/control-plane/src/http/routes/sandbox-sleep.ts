/** Pausing and waking sandboxes, and keeping them awake. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Sandboxes } from "../../sandboxes/sandboxes.ts";
import { teamOf } from "../access.ts";
import { Choice } from "../schemas/choice.ts";
import { IdParams } from "../schemas/ids.ts";
import { SandboxRef, showSandbox } from "../schemas/resources.ts";

const ResumeBody = Type.Object(
  {
    mode: Choice(["memory", "disk"], {
      default: "memory",
      description: "`disk`: boots the newest state of its disk; what was in memory is given up.",
    }),
    from: Choice(["last"], { default: "last", description: "Its last generation." }),
  },
  { additionalProperties: false },
);

export function sandboxSleepRoutes(sandboxes: Sandboxes): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      "/v1/sandboxes/:id/pause",
      {
        config: {
          access: "key-or-session",
          audit: "sandbox.pause",
          errors: ["not_found", "not_running", "conflict", "host_failed", "host_unavailable", "disk_full"],
        },
        schema: {
          tags: ["sandboxes"],
          summary: "Freeze a sandbox to disk; answered when it holds nothing of its host but files",
          params: IdParams("sandbox"),
          response: { 200: SandboxRef },
        },
      },
      async (request) => showSandbox(await sandboxes.pause(teamOf(request), request.params.id)),
    );

    app.post(
      "/v1/sandboxes/:id/resume",
      {
        config: {
          access: "key-or-session",
          audit: "sandbox.resume",
          errors: [
            "not_found",
            "not_paused",
            "limit_reached",
            "not_running",
            "conflict",
            "no_capacity",
            "host_failed",
            "host_unavailable",
            "disk_full",
          ],
        },
        schema: {
          tags: ["sandboxes"],
          summary: "Wake a sandbox that is paused, or in `error`; answered when it takes commands",
          params: IdParams("sandbox"),
          body: ResumeBody,
          response: { 200: SandboxRef },
        },
      },
      async (request) => {
        const { id } = request.params;
        return showSandbox(await sandboxes.resume(teamOf(request), id, request.body.mode));
      },
    );

    app.post(
      "/v1/sandboxes/:id/ping",
      {
        config: {
          access: "key-or-session",
          audit: "nothing",
          errors: ["not_found", "not_running", "host_failed", "host_unavailable"],
        },
        schema: {
          tags: ["sandboxes"],
          summary: "Say that a sandbox is in use: the time until it pauses itself begins anew",
          params: IdParams("sandbox"),
          response: { 204: Type.Null({ description: "Noted." }) },
        },
      },
      async (request, reply) => {
        await sandboxes.ping(teamOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );
  };
}
