/**
 * What a browser is told with every answer: that it is data and no page, that nobody may frame it or guess its type, and which
 * other pages' scripts may ask. There are no cookies: whoever asks without a key or token is nobody.
 */
import cors from "@fastify/cors";
import helmet from "@fastify/helmet";
import type { FastifyInstance } from "fastify";

/** @param origins of pages whose scripts may call the API; none: only those of its own origin. */
export async function protectBrowsers(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    frameguard: { action: "deny" },
    referrerPolicy: { policy: "no-referrer" },
    crossOriginResourcePolicy: { policy: origins.length > 0 ? "cross-origin" : "same-origin" },
    // Whether a name is only ever reached over TLS, its proxy knows.
    strictTransportSecurity: false,
  });
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: ["GET", "HEAD", "POST", "PATCH", "DELETE"],
    allowedHeaders: ["Authorization", "X-API-Key", "Content-Type", "Idempotency-Key"],
    exposedHeaders: ["request_id", "Link", "Retry-After"],
    maxAge: 3600,
  });
}
