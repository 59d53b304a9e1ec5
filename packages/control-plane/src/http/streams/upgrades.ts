/**
 * WebSockets as Fastify routes. An upgrade goes through the router and all hooks like any request; what refuses it (no credentials, no
 * such sandbox …) is told by a close code, for a browser shows no HTTP status of a WebSocket to its page.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { RoostError } from "@roost/protocol/errors";
import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { WebSocket, WebSocketServer } from "ws";
import { asRoostError } from "../errors.ts";
import { CLOSE, endingOf } from "./close-codes.ts";
import { MESSAGE_BYTES, OWN_REASONS, StreamSocket } from "./stream-socket.ts";

export const PROTOCOL = "roost.v1";
/** Before a WebSocket's token, in place of a header: browsers let pages set none. */
const TOKEN_PREFIX = "roost.auth.";
/** To say goodbye when the server stops. */
const GOODBYE_MS = 2_000;
/** Keeps asking a machine that is silent, beneath all else. */
const TCP_PROBE_MS = 30_000;

interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Closes with a reason also where the library closes by itself. */
class WebSocketWithReasons extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason ?? (code === undefined ? undefined : OWN_REASONS[code]));
  }
}

export class Upgrades {
  readonly #pending = new WeakMap<IncomingMessage, Upgrade>();
  readonly #open = new Set<StreamSocket>();
  readonly #origins: ReadonlySet<string>;
  readonly #server = new WebSocketServer({
    noServer: true,
    WebSocket: WebSocketWithReasons,
    perMessageDeflate: false,
    // Beyond it not a byte is kept; up to it `StreamSocket` refuses.
    maxPayload: 2 * MESSAGE_BYTES,
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  });

  /** @param origins of pages, beside those of this server, whose scripts may open streams. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** To be called on the app itself, before any route is registered. */
  attach(app: FastifyInstance): void {
    app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
      // A route that is no stream answers as ever.
      response.once("finish", () => socket.end());
      socket.on("error", () => {});
      this.#pending.set(request, { socket, head });
      app.routing(request, response);
    });
    app.addHook("preClose", () => this.#goodbye());
  }

  /** What holds for all streams. To be called in the scope of their routes. */
  guard(scope: FastifyInstance): void {
    // Before the route's own look at its credentials.
    scope.addHook("onRequest", async (request) => {
      this.#requireOwnOrigin(request);
      takeTokenFromProtocol(request);
    });
    scope.setErrorHandler<FastifyError>((failure, request, reply) => {
      const error = asRoostError(failure);
      if (!this.#pending.has(request.raw)) throw error;
      if (error.code === "internal") request.log.error({ err: error }, "a stream failed");
      void this.accept(request, reply).then((socket) => socket.close(endingOf(error)));
    });
  }

  /** Makes the connection. @throws RoostError `invalid_request` when the request asked for none. */
  async accept(request: FastifyRequest, reply: FastifyReply): Promise<StreamSocket> {
    const upgrade = this.#pending.get(request.raw);
    if (!upgrade) throw new RoostError("invalid_request", "This is a WebSocket: connect to it as one.");
    this.#pending.delete(request.raw);
    reply.hijack();
    const { socket, head } = upgrade;
    reply.raw.detachSocket(socket as Parameters<ServerResponse["detachSocket"]>[0]);
    const accepted = Promise.withResolvers<StreamSocket>();
    this.#server.handleUpgrade(request.raw, socket, head, (webSocket) => {
      request.raw.socket.setKeepAlive(true, TCP_PROBE_MS);
      const stream = new StreamSocket(webSocket);
      this.#open.add(stream);
      void this.#logEnd(stream, request, request.log, performance.now());
      accepted.resolve(stream);
    });
    return accepted.promise;
  }

  async #logEnd(stream: StreamSocket, request: FastifyRequest, log: FastifyBaseLogger, since: number): Promise<void> {
    const ending = await stream.closed;
    this.#open.delete(stream);
    const { sentBytes, receivedBytes } = stream;
    const { principal } = request;
    const route = request.routeOptions.url;
    const by = principal && "teamId" in principal ? { team_id: principal.teamId } : {};
    const ms = Math.round(performance.now() - since);
    log.info(
      {
        route,
        params: request.params,
        ...by,
        ms,
        sent_bytes: sentBytes,
        received_bytes: receivedBytes,
        code: ending.code,
      },
      "stream ended",
    );
  }

  async #goodbye(): Promise<void> {
    const open = [...this.#open];
    for (const stream of open)
      stream.close({ code: CLOSE.goingAway, reason: "This server is stopping; what runs goes on." });
    const late = setTimeout(() => {
      for (const stream of open) stream.terminate();
    }, GOODBYE_MS);
    await Promise.all(open.map((stream) => stream.closed));
    clearTimeout(late);
  }

  /** A browser says which page asks. Others say nothing, and are asked for nothing. */
  #requireOwnOrigin(request: FastifyRequest): void {
    const { origin } = request.headers;
    if (origin === undefined || this.#origins.has(origin)) return;
    if (URL.canParse(origin) && new URL(origin).host === request.host) return;
    throw new RoostError("forbidden", "Pages of this origin may not open streams here (ROOST_CORS_ORIGINS).");
  }
}

/** Other upgrades, such as to HTTP/2, are not wanted: such a request is answered as if it had not asked. */
export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/** `roost.auth.<key or session>` among the offered protocols counts as the header would. A header that is there goes before. */
function takeTokenFromProtocol({ raw }: FastifyRequest): void {
  const { headers } = raw;
  if (headers["x-api-key"] !== undefined || headers.authorization !== undefined) return;
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((protocol) => protocol.trim());
  const token = offered.find((protocol) => protocol.startsWith(TOKEN_PREFIX))?.slice(TOKEN_PREFIX.length);
  if (token === undefined) return;
  if (token.startsWith("rst_")) headers["x-api-key"] = token;
  else headers.authorization = `Bearer ${token}`;
}
