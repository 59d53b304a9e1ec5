/** The WebSockets of a sandbox: a command, a terminal, a watched folder. docs/api.md tells what is said over them. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { OpenSandbox, Sandboxes } from "../../sandboxes/sandboxes.ts";
import { teamOf } from "../access.ts";
import { IdParams } from "../schemas/ids.ts";
import { converse } from "../streams/conversation.ts";
import { talkExec } from "../streams/exec.ts";
import { talkPty } from "../streams/pty.ts";
import type { StreamMessage, StreamSocket } from "../streams/stream-socket.ts";
import type { Upgrades } from "../streams/upgrades.ts";
import { talkWatch } from "../streams/watch.ts";

/** As a plain answer only to who asked without an upgrade; else they are close codes. */
const ERRORS = ["invalid_request", "forbidden", "not_found", "not_running", "host_unavailable"] as const;

type Talk = (
  sandbox: OpenSandbox,
  socket: StreamSocket,
  first: StreamMessage,
  rest: AsyncGenerator<StreamMessage>,
) => Promise<void>;

export function sandboxStreamsRoutes(sandboxes: Sandboxes, upgrades: Upgrades): FastifyPluginAsyncTypebox {
  const open = (talk: Talk) => async (request: FastifyRequest<{ Params: { id: string } }>, reply: FastifyReply) => {
    const sandbox = await sandboxes.open(teamOf(request), request.params.id);
    const socket = await upgrades.accept(request, reply);
    await converse(socket, request.log, (first, rest) => talk(sandbox, socket, first, rest));
  };
  const options = (tag: string, summary: string, messages: { client: string; server: string }) => ({
    config: { access: "key-or-session" as const, errors: ERRORS },
    schema: {
      tags: [tag],
      summary,
      description:
        `A WebSocket. Text frames are JSON: \`${messages.client}\` from the client, \`${messages.server}\` from the server (see the schemas). ` +
        "Browsers, which cannot set headers, offer the protocols `roost.v1` and `roost.auth.<API key or session>`. Close codes: " +
        "1000 the end; 1001 the server stops; 1009 too large a message; 1011 a fault here or of the host; 1013 try again later; " +
        "4400 a message that is not right; 4401 no or wrong credentials; 4403 another page's origin; 4404 no such sandbox or process; " +
        "4409 the sandbox does not run; 4410 it was paused.",
      params: IdParams("sandbox"),
      response: { 101: Type.Null({ description: "The connection is a WebSocket from here on." }) },
    },
  });
  return async (app) => {
    upgrades.guard(app);
    app.get(
      "/v1/sandboxes/:id/exec/stream",
      options("sandboxes", "Run a command and follow it", { client: "ExecStreamRequest", server: "ExecStreamEvent" }),
      open(talkExec),
    );
    app.get(
      "/v1/sandboxes/:id/pty",
      options("sandboxes", "A terminal", { client: "PtyRequest", server: "PtyEvent" }),
      open(talkPty),
    );
    app.get(
      "/v1/sandboxes/:id/files/watch",
      options("files", "Changes in a folder, as they happen", { client: "WatchRequest", server: "WatchEvent" }),
      open(talkWatch),
    );
  };
}
