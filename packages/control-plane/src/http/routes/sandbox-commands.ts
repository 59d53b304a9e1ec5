/** Running commands in a sandbox, and its logs. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Sandboxes } from "../../sandboxes/sandboxes.ts";
import { teamOf } from "../access.ts";
import { untilDisconnect } from "../disconnect.ts";
import { Choice } from "../schemas/choice.ts";
import { IdParams } from "../schemas/ids.ts";
import { AnyText, Environment, GuestPath, Nullable, Text } from "../schemas/text.ts";

const LONGEST_SEC = 24 * 3600;
const MIB = 1024 * 1024;

const ExecBody = Type.Object(
  {
    cmd: Text({ minLength: 1, maxLength: 4096, description: "A program, by path or by name in PATH. No shell." }),
    args: Type.Array(Text(), { default: [], maxItems: 10_000 }),
    env: Environment({ default: {}, description: "Beside the sandbox's own." }),
    cwd: Type.Optional(GuestPath()),
    user: Type.Optional(Text({ minLength: 1, maxLength: 64, description: "The sandbox's default user if absent." })),
    stdin: Type.Optional(AnyText({ description: "What it reads, as UTF-8; then its input ends." })),
    timeout_sec: Type.Number({
      exclusiveMinimum: 0,
      maximum: LONGEST_SEC,
      default: 30,
      description: "After this its whole process group is killed.",
    }),
  },
  { additionalProperties: false },
);

const ExecAnswer = Type.Object(
  {
    sandbox_id: Type.String(),
    cmd: Type.String(),
    stdout: Type.String(),
    stderr: Type.String(),
    exit_code: Nullable(
      Type.Integer({ description: "127: no such program; 128 + n: ended by signal n; null: it ran out of time." }),
    ),
    duration_ms: Type.Integer(),
    encoding: Choice(["utf-8", "base64"], { description: "Of stdout and stderr both." }),
    timed_out: Type.Boolean(),
    truncated: Type.Boolean({ description: "There was more output than an answer holds." }),
  },
  { description: "What the command wrote, and how it ended." },
);

export function sandboxCommandsRoutes(sandboxes: Sandboxes): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      "/v1/sandboxes/:id/exec",
      {
        config: {
          access: "key-or-session",
          audit: "nothing",
          errors: ["not_found", "not_running", "host_failed", "host_unavailable", "disk_full"],
        },
        schema: {
          tags: ["sandboxes"],
          summary: "Run a command to its end",
          params: IdParams("sandbox"),
          body: ExecBody,
          response: { 200: ExecAnswer },
        },
      },
      async (request, reply) => {
        const { cmd, args, env, cwd, user, stdin, timeout_sec } = request.body;
        const command = { cmd, args, env, cwd, user, stdin, timeoutMs: Math.ceil(timeout_sec * 1000) };
        const { id } = request.params;
        const result = await sandboxes.exec(teamOf(request), id, command, untilDisconnect(reply));
        return {
          sandbox_id: id,
          cmd,
          stdout: result.stdout,
          stderr: result.stderr,
          exit_code: result.exitCode,
          duration_ms: result.durationMs,
          encoding: result.encoding,
          timed_out: result.timedOut,
          truncated: result.truncated,
        };
      },
    );

    app.get(
      "/v1/sandboxes/:id/logs",
      {
        config: { access: "key-or-session", errors: ["not_found", "not_running", "host_failed", "host_unavailable"] },
        schema: {
          tags: ["sandboxes"],
          summary: "What its console and its VMM printed last",
          params: IdParams("sandbox"),
          querystring: Type.Object(
            {
              limit_bytes: Type.Integer({ minimum: 1, maximum: MIB, default: MIB, description: "Of the end of each." }),
            },
            { additionalProperties: false },
          ),
          response: {
            200: Type.Object({ console: Type.String(), vmm: Type.String() }, { description: "Plain text." }),
          },
        },
      },
      (request) => sandboxes.logs(teamOf(request), request.params.id, request.query.limit_bytes),
    );
  };
}
