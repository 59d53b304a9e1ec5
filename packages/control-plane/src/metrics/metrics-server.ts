/** `/metrics` on a port of its own: what is measured is nobody's business who only uses the API. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Registry } from "prom-client";
import type { ListenAddress } from "../config.ts";

export async function serveMetrics(registry: Registry, listen: ListenAddress): Promise<Server> {
  const server = createServer(async (request, response) => {
    if (request.url !== "/metrics") return void response.writeHead(404).end("Only /metrics is here.\n");
    try {
      const text = await registry.metrics();
      response.writeHead(200, { "content-type": registry.contentType }).end(text);
    } catch {
      response.writeHead(503).end("The database does not answer.\n");
    }
  });
  server.listen(listen);
  await once(server, "listening");
  return server;
}
