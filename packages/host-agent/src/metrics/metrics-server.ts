/** `/metrics` on a port of its own, in clear text: numbers, and nothing that is anybody's. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { RoostError } from "@roost/protocol/errors";
import type { Registry } from "prom-client";
import type { HostAndPort } from "../settings/setting.ts";

export interface MetricsServer extends AsyncDisposable {
  readonly port: number;
}

/** @throws RoostError `invalid_request` when it cannot listen there. */
export async function serveMetrics(registry: Registry, listen: HostAndPort): Promise<MetricsServer> {
  const server = createServer(async (request, response) => {
    if (request.url !== "/metrics") return void response.writeHead(404).end("Only /metrics is here.\n");
    response.writeHead(200, { "content-type": registry.contentType }).end(await registry.metrics());
  });
  try {
    server.listen(listen);
    await once(server, "listening");
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new RoostError("invalid_request", `Metrics cannot be served at ROOST_AGENT_METRICS_LISTEN: ${reason}.`, {
      cause,
    });
  }
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
