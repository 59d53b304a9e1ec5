/** The HTTP server, put together: what holds for every route, then the routes. */
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import type { ApiKeys } from "./api-keys/api-keys.ts";
import type { AuditLog } from "./audit/audit-log.ts";
import type { Limits } from "./config.ts";
import type { Enrolment, Hosts } from "./hosts/hosts.ts";
import { guardRoutes } from "./http/access.ts";
import { auditChanges } from "./http/audit.ts";
import { protectBrowsers } from "./http/browsers.ts";
import { answerErrors, clientErrorHandler, frameworkErrors } from "./http/errors.ts";
import { parseJsonBodies } from "./http/json-bodies.ts";
import { describeRoutes, serveDocument } from "./http/openapi.ts";
import { limitRates, type RateLimits } from "./http/rate-limits.ts";
import { newRequestId, REQUEST_ID_HEADER } from "./http/request-ids.ts";
import { type AnswerMetrics, logAnswers } from "./http/request-log.ts";
import { apiKeysRoutes } from "./http/routes/api-keys.ts";
import { enrolmentRoutes } from "./http/routes/enrolment.ts";
import { healthRoutes, type Readiness } from "./http/routes/health.ts";
import { hostsRoutes } from "./http/routes/hosts.ts";
import { type LimitsOf, limitsRoutes } from "./http/routes/limits.ts";
import { sandboxCommandsRoutes } from "./http/routes/sandbox-commands.ts";
import { sandboxFilesRoutes } from "./http/routes/sandbox-files.ts";
import { sandboxProcessesRoutes } from "./http/routes/sandbox-processes.ts";
import { sandboxSleepRoutes } from "./http/routes/sandbox-sleep.ts";
import { sandboxStreamsRoutes } from "./http/routes/sandbox-streams.ts";
import { sandboxTreeRoutes } from "./http/routes/sandbox-tree.ts";
import { sandboxesRoutes } from "./http/routes/sandboxes.ts";
import { snapshotsRoutes } from "./http/routes/snapshots.ts";
import { teamMembersRoutes } from "./http/routes/team-members.ts";
import { teamsRoutes } from "./http/routes/teams.ts";
import { usersRoutes } from "./http/routes/users.ts";
import { isWebSocket, Upgrades } from "./http/streams/upgrades.ts";
import { compileValidator } from "./http/validation.ts";
import type { IdempotencyKeys } from "./idempotency/idempotency.ts";
import type { Sandboxes } from "./sandboxes/sandboxes.ts";
import type { Snapshots } from "./snapshots/snapshots.ts";
import type { Teams } from "./teams/teams.ts";
import type { Users } from "./users/users.ts";

export interface ServerParts {
  readonly log: FastifyBaseLogger;
  readonly limits: Limits;
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly limitsOf: LimitsOf;
  readonly users: Users;
  readonly teams: Teams;
  readonly apiKeys: ApiKeys;
  readonly auditLog: AuditLog;
  readonly rates: RateLimits;
  readonly hosts: Hosts;
  readonly enrolment: Enrolment;
  readonly sandboxes: Sandboxes;
  readonly snapshots: Snapshots;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly readiness: Readiness;
  readonly metrics: AnswerMetrics;
}

export async function buildServer(parts: ServerParts): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: parts.log,
    // One line per answer is written by request-log.ts.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "request_id" }),
    genReqId: newRequestId,
    bodyLimit: parts.limits.jsonBodyBytes,
    clientErrorHandler,
    frameworkErrors,
    // On close, connections that carry a request finish it; idle ones end.
    forceCloseConnections: "idle",
    return503OnClosing: false,
    http: { shouldUpgradeCallback: isWebSocket },
    trustProxy: parts.trustedProxies.length > 0 ? [...parts.trustedProxies] : false,
  }).withTypeProvider<TypeBoxTypeProvider>();

  const upgrades = new Upgrades(parts.corsOrigins);
  upgrades.attach(app);
  app.addHook("onRequest", async (request, reply) => {
    reply.header(REQUEST_ID_HEADER, request.id);
  });
  await protectBrowsers(app, parts.corsOrigins);
  app.setValidatorCompiler(compileValidator);
  parseJsonBodies(app);
  answerErrors(app);
  logAnswers(app, parts.metrics);
  await describeRoutes(app);
  guardRoutes(app, parts);
  limitRates(app, parts.rates);
  auditChanges(app, parts.auditLog);

  serveDocument(app);
  await app.register(usersRoutes(parts.users, parts.rates));
  await app.register(teamsRoutes(parts.teams, parts.auditLog));
  await app.register(teamMembersRoutes(parts.teams));
  await app.register(limitsRoutes(parts.limitsOf));
  await app.register(apiKeysRoutes(parts.apiKeys));
  await app.register(sandboxesRoutes(parts));
  await app.register(sandboxSleepRoutes(parts.sandboxes));
  await app.register(sandboxCommandsRoutes(parts.sandboxes));
  await app.register(sandboxStreamsRoutes(parts.sandboxes, upgrades));
  await app.register(sandboxProcessesRoutes(parts.sandboxes));
  await app.register(sandboxFilesRoutes(parts.sandboxes));
  await app.register(sandboxTreeRoutes(parts.sandboxes));
  await app.register(snapshotsRoutes(parts));
  await app.register(hostsRoutes(parts.hosts));
  await app.register(enrolmentRoutes(parts));
  await app.register(healthRoutes(parts.readiness));
  return app;
}
