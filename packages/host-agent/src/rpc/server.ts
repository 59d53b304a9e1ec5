/**
 * The RPC server of this host: `hostagent.v1.HostAgent` over HTTP/2 and mutual TLS.
 *
 * Stopping: no new calls; commands and folders that are only followed are let go of; other calls under way have `GRACE_MS` to end, are then told to by their signals, and are cut off after a
 * further `CUT_MS`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { RoostError } from "@roost/protocol/errors";
import type { Logger } from "pino";
import type { IdentitySource } from "../identity/identity-folder.ts";
import { abandonedAnswers } from "./abandoned-answers.ts";
import { errorReports } from "./error-reports.ts";
import { guestRoutes } from "./guest-routes.ts";
import type { HostSandboxes } from "./host-sandboxes.ts";
import { hostAgentRoutes } from "./routes.ts";
import { type ListenAddress, TlsListener } from "./tls-listener.ts";

const GRACE_MS = 10_000;
const CUT_MS = 2_000;
/** The longest that a caller may give a call; above it, a wish that is certainly a mistake. */
const LONGEST_CALL_MS = 7 * 24 * 3_600_000;

export interface RpcServerOptions {
  readonly listen: ListenAddress;
  readonly identity: IdentitySource;
  readonly sandboxes: HostSandboxes;
  readonly logger: Logger;
}

export interface RpcServer extends AsyncDisposable {
  /** Where it listens: `port` is the real one when 0 was asked for. */
  readonly address: ListenAddress;
}

/** @throws RoostError `internal` when it cannot listen. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { listen, identity, sandboxes, logger } = options;
  const stopping = new AbortController();
  const shutdown = new AbortController();
  const handler = connectNodeAdapter({
    routes: (router) => {
      hostAgentRoutes(sandboxes)(router);
      guestRoutes(sandboxes, stopping.signal)(router);
    },
    interceptors: [abandonedAnswers, errorReports(logger)],
    shutdownSignal: shutdown.signal,
    acceptCompression: [],
    maxTimeoutMs: LONGEST_CALL_MS,
    grpc: false,
    grpcWeb: false,
  });
  const listener = await TlsListener.start({ listen, identity, handler, logger });
  return {
    address: { host: listener.address.address, port: listener.address.port },
    async [Symbol.asyncDispose]() {
      using _ = listener;
      stopping.abort(new RoostError("host_unavailable", "This host's agent is stopping; what runs goes on."));
      const drained = listener.drain();
      if (await endsWithin(drained, GRACE_MS)) return;
      shutdown.abort(new ConnectError("This host's agent is stopping.", Code.Unavailable));
      await endsWithin(drained, CUT_MS);
    },
  };
}

async function endsWithin(work: Promise<void>, limitMs: number): Promise<boolean> {
  const timer = new AbortController();
  const late = pause(limitMs, false, { signal: timer.signal }).catch(() => false);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
