/**
 * The agent's HTTP/2 port: TLS 1.3 with certificates on both sides, and bounds on what a peer can take of us before and after it
 * has shown who it is.
 */

import { once } from "node:events";
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";
import type { TLSSocket } from "node:tls";
import { RoostError } from "@roost/protocol/errors";
import type { Logger } from "pino";
import type { IdentitySource } from "../identity/identity-folder.ts";
import { refusalOf } from "./peer-check.ts";
import { RefusalLog } from "./refusal-log.ts";

/** To finish a TLS handshake. */
const HANDSHAKE_MS = 10_000;
/** A session on which nothing moves is asked to end; streams that are under way go on. */
const IDLE_MS = 10 * 60_000;
/** Between probes of a peer that is silent: one that vanished is noticed. */
const TCP_PROBE_MS = 30_000;
const CONNECTIONS = 256;
/** Calls under way on one connection: each may wait as long as a command runs. */
const STREAMS = 1024;
/** What may be under way of one upload, and of all on one connection. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024;

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListenerParts {
  readonly listen: ListenAddress;
  readonly identity: IdentitySource;
  readonly handler: (request: Http2ServerRequest, response: Http2ServerResponse) => void;
  readonly logger: Logger;
}

export class TlsListener implements Disposable {
  readonly address: AddressInfo;
  readonly #server: Http2SecureServer;
  readonly #sessions: Set<ServerHttp2Session>;
  readonly #subscription: Disposable;

  private constructor(server: Http2SecureServer, sessions: Set<ServerHttp2Session>, subscription: Disposable) {
    this.#server = server;
    this.#sessions = sessions;
    this.#subscription = subscription;
    this.address = server.address() as AddressInfo;
  }

  /** @throws RoostError `internal` when the address cannot be had. */
  static async start(parts: ListenerParts): Promise<TlsListener> {
    const server = createSecureServer(
      {
        ...tlsMaterial(parts.identity),
        minVersion: "TLSv1.3",
        requestCert: true,
        rejectUnauthorized: true,
        allowHTTP1: false,
        handshakeTimeout: HANDSHAKE_MS,
        unknownProtocolTimeout: HANDSHAKE_MS,
        settings: { maxConcurrentStreams: STREAMS, initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
      },
      parts.handler,
    );
    server.maxConnections = CONNECTIONS;
    const refusals = new RefusalLog(parts.logger, () => performance.now());
    guardPeers(server, refusals);
    const sessions = keepSessions(server);
    server.listen({ host: parts.listen.host, port: parts.listen.port });
    await listening(server, parts.listen);
    server.on("error", (error) => parts.logger.error({ err: error }, "the RPC port failed"));
    const subscription = parts.identity.onChange(() => server.setSecureContext(tlsMaterial(parts.identity)));
    return new TlsListener(server, sessions, subscription);
  }

  /** Takes no more connections or calls; resolves when the calls under way have ended. */
  async drain(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const session of this.#sessions) session.close();
    await closed;
  }

  /** Ends everything at once. */
  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#server.close();
    for (const session of this.#sessions) session.destroy(undefined, constants.NGHTTP2_CANCEL);
  }
}

function tlsMaterial({ key, current }: IdentitySource): {
  key: string;
  cert: string;
  ca: string;
  minVersion: "TLSv1.3";
} {
  return { key: key.pem, cert: current.certificate, ca: current.ca, minVersion: "TLSv1.3" };
}

/** Before HTTP/2 begins on a connection. */
function guardPeers(server: Http2SecureServer, refusals: RefusalLog): void {
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    const why = refusalOf(socket);
    if (why === undefined) {
      socket.setKeepAlive(true, TCP_PROBE_MS);
      return;
    }
    refusals.tell(socket.remoteAddress, why);
    socket.destroy();
  });
  server.on("tlsClientError", (error: Error & { code?: string }, socket: TLSSocket) => {
    refusals.tell(socket.remoteAddress, /^[A-Z0-9_]{1,80}$/.test(error.code ?? "") ? String(error.code) : "no TLS");
  });
}

function keepSessions(server: Http2SecureServer): Set<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    session.setTimeout(IDLE_MS, () => session.close());
  });
  // A peer's protocol error ends its session, and nothing else.
  server.on("sessionError", () => {});
  return sessions;
}

async function listening(server: Http2SecureServer, listen: ListenAddress): Promise<void> {
  try {
    await once(server, "listening");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    throw new RoostError(
      "internal",
      `The agent cannot listen on ${listen.host}:${listen.port} (${code}). Free the port or set ROOST_AGENT_LISTEN.`,
      { cause: error },
    );
  }
}
