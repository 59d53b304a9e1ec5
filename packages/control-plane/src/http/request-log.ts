/** One line per answer: what was asked, by which team, how it went. Never headers or bodies, which hold secrets. */
import type { FastifyInstance } from "fastify";

export interface AnswerMetrics {
  observeAnswer(labels: { method: string; route: string; status: number }, seconds: number): void;
}

export function logAnswers(app: FastifyInstance, metrics: AnswerMetrics): void {
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "(none)";
    const { method, principal } = request;
    const by = principal?.kind === "host" ? { host_id: principal.hostId } : principal && { team_id: principal.teamId };
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    request.log.info({ method, route, params: request.params, status: reply.statusCode, ms, ...by }, "answered");
    metrics.observeAnswer({ method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
}
