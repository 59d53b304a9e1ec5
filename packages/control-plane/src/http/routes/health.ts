/** For supervisors: does the process live (`/healthz`), does it serve (`/readyz`). */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { Choice } from "../schemas/choice.ts";

/** Answers whether requests can be served now; never later than a supervisor's patience. */
export type Readiness = () => Promise<"ok" | "stopping" | "database_unavailable">;

export function healthRoutes(readiness: Readiness): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      "/healthz",
      {
        logLevel: "warn",
        config: { access: "anyone", rate: "none" },
        schema: {
          tags: ["operation"],
          summary: "The process lives",
          response: { 200: Type.Object({ status: Choice(["ok"]) }, { description: "It does." }) },
        },
      },
      async () => ({ status: "ok" as const }),
    );

    app.get(
      "/readyz",
      {
        logLevel: "warn",
        config: { access: "anyone", rate: "none" },
        schema: {
          tags: ["operation"],
          summary: "Requests are served",
          response: {
            200: Type.Object({ status: Choice(["ok"]) }, { description: "They are." }),
            503: Type.Object({ status: Choice(["stopping", "database_unavailable"]) }, { description: "Not now." }),
          },
        },
      },
      async (_request, reply) => {
        const status = await readiness();
        return status === "ok" ? { status } : reply.code(503).send({ status });
      },
    );
  };
}
