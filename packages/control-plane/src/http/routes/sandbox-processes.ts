/** The processes of a sandbox. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { idPattern } from "@roost/protocol/ids";
import { Type } from "typebox";
import type { ProcessName, Sandboxes } from "../../sandboxes/sandboxes.ts";
import { teamOf } from "../access.ts";
import { untilDisconnect } from "../disconnect.ts";
import { IdParams } from "../schemas/ids.ts";
import { SignalName, signalNumber } from "../schemas/stream-messages.ts";

const ERRORS = ["not_found", "not_running", "sandbox_paused", "host_failed", "host_unavailable"] as const;
const SIGKILL = 9;

const Process = Type.Object(
  {
    pid: Type.Integer(),
    tag: Type.String({ description: "Its name; empty if it has none." }),
    cmd: Type.String(),
    args: Type.Array(Type.String()),
    cwd: Type.String({ description: "Empty: that of its user." }),
  },
  { description: "A process that was started in the sandbox and still runs." },
);

/** A tag never begins with a digit. */
function nameOf(process: string): ProcessName {
  return /^\d+$/.test(process) ? { case: "pid", value: Number(process) } : { case: "tag", value: process };
}

export function sandboxProcessesRoutes(sandboxes: Sandboxes): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      "/v1/sandboxes/:id/processes",
      {
        config: { access: "key-or-session", errors: ERRORS },
        schema: {
          tags: ["sandboxes"],
          summary: "What runs in it",
          params: IdParams("sandbox"),
          response: { 200: Type.Array(Process, { description: "What was started over the API, and still runs." }) },
        },
      },
      async (request, reply) => {
        const found = await sandboxes.listProcesses(teamOf(request), request.params.id, untilDisconnect(reply));
        return found.map(({ pid, tag, cmd, args, cwd }) => ({ pid, tag, cmd, args, cwd }));
      },
    );

    app.delete(
      "/v1/sandboxes/:id/processes/:process",
      {
        config: { access: "key-or-session", errors: ERRORS, audit: "nothing" },
        schema: {
          tags: ["sandboxes"],
          summary: "Send a process, and its whole group, a signal",
          params: Type.Object({
            id: Type.String({ pattern: idPattern("sandbox") }),
            process: Type.String({
              pattern: "^([1-9][0-9]{0,9}|[A-Za-z_][A-Za-z0-9._-]{0,127})$",
              description: "Its pid, or its tag.",
            }),
          }),
          querystring: Type.Object(
            { signal: Type.Optional(SignalName()) },
            { additionalProperties: false, description: "SIGKILL if absent." },
          ),
          response: { 204: Type.Null({ description: "Sent." }) },
        },
      },
      async (request, reply) => {
        const { id, process } = request.params;
        const number = request.query.signal === undefined ? SIGKILL : signalNumber(request.query.signal);
        await sandboxes.signalProcess(teamOf(request), id, nameOf(process), number, untilDisconnect(reply));
        return reply.code(204).send(null);
      },
    );
  };
}
