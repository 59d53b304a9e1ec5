/** The control plane, built from its configuration, running, and ended in order. */
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { ApiKeys } from "./api-keys/api-keys.ts";
import { AuditLog } from "./audit/audit-log.ts";
import { BackgroundWork } from "./background.ts";
import type { Config } from "./config.ts";
import { type Database, openDatabase, pingDatabase, requireDatabase } from "./db/database.ts";
import { migrateUp } from "./db/migrate.ts";
import { CertificateAuthority, Enrolment, HostClients, HostPermits, Hosts } from "./hosts/hosts.ts";
import { RateLimits } from "./http/rate-limits.ts";
import type { Readiness } from "./http/routes/health.ts";
import { IdempotencyKeys } from "./idempotency/idempotency.ts";
import { Metrics } from "./metrics/metrics.ts";
import { serveMetrics } from "./metrics/metrics-server.ts";
import { RoundRobin, Sandboxes, SandboxRows, StepsInFlight } from "./sandboxes/sandboxes.ts";
import { buildServer } from "./server.ts";
import { Snapshots } from "./snapshots/snapshots.ts";
import { TeamLimits, usageOf } from "./teams/limits.ts";
import { Teams } from "./teams/teams.ts";
import { SessionKeys, Sessions, Users } from "./users/users.ts";

export interface ControlPlane extends AsyncDisposable {
  readonly url: string;
  readonly metricsUrl: string;
}

const TIDY_INTERVAL_MS = 30_000;
const SNAPSHOT_SWEEP_INTERVAL_MS = 5 * 60_000;

/**
 * Migrates the database, then serves. Disposing it lets requests under way finish, up to the configured grace.
 * @throws when the database does not answer, a port is taken, or ROOST_SECRET is another than before.
 */
export async function startControlPlane(config: Config, log: Logger, now = () => new Date()): Promise<ControlPlane> {
  await using stack = new AsyncDisposableStack();
  const db = openDatabase({
    url: config.databaseUrl,
    maxConnections: config.databasePool,
    onIdleError: (error) => log.warn({ err: error }, "a database connection broke"),
  });
  stack.defer(() => db.destroy());
  await requireDatabase(db);
  for (const step of await migrateUp(db)) log.info(step, "migrated");
  const metrics = new Metrics(db);
  const authority = await CertificateAuthority.open(db, config.secret, now);
  const clients = stack.use(new HostClients(authority, [metrics.hostCalls]));
  const background = new BackgroundWork(log);
  const teamLimits = new TeamLimits(config.teamLimits);
  const sandboxes = buildSandboxes({ config, db, log, clients, background, teamLimits });
  const idempotencyKeys = new IdempotencyKeys(db);
  const sessionKeys = new SessionKeys(db, config.secret);
  const auditLog = new AuditLog(db, config.auditDays);
  stack.use(
    tidyNowAndThen(background, {
      "remove abandoned sandboxes": () => sandboxes.removeAbandoned(),
      "forget old idempotency keys": () => idempotencyKeys.sweep(),
      "forget old session keys": () => sessionKeys.sweep(),
      "forget old audit entries": () => auditLog.sweep(),
    }),
  );

  let stopping = false;
  const app = await buildServer({
    log,
    limits: config.limits,
    trustedProxies: config.trustedProxies,
    corsOrigins: config.corsOrigins,
    limitsOf: async (teamId) => ({ limits: await teamLimits.of(db, teamId), used: await usageOf(db, teamId) }),
    users: new Users({ db, sessions: new Sessions(sessionKeys, now), signUp: config.signUp }),
    teams: new Teams({ db, mostOwned: config.mostOwnedTeams }),
    apiKeys: new ApiKeys(db),
    auditLog,
    rates: new RateLimits(config.rates, () => performance.now()),
    hosts: new Hosts({ db, clients, sandboxes }),
    enrolment: new Enrolment({
      db,
      authority,
      permits: new HostPermits(config.secret, now),
      onStolenToken: (hostId) => log.error({ host_id: hostId }, "a superseded refresh token was used: host locked out"),
    }),
    sandboxes,
    snapshots: new Snapshots({
      db,
      clients,
      sandboxes,
      limits: teamLimits,
      background,
      log,
      sweepIntervalMs: SNAPSHOT_SWEEP_INTERVAL_MS,
    }),
    idempotencyKeys,
    readiness: readiness(db, () => stopping),
    metrics,
  });
  stack.defer(() => finish(app, background, config.stopGraceMs, log));
  const metricsServer = await serveMetrics(metrics.registry, config.metricsListen);
  stack.defer(() => {
    metricsServer.close();
    metricsServer.closeAllConnections();
  });
  const url = await app.listen(config.listen);
  stack.defer(() => {
    stopping = true;
  });
  const resources = stack.move();
  return {
    url,
    metricsUrl: `http://${config.metricsListen.host}:${(metricsServer.address() as AddressInfo).port}/metrics`,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

interface SandboxSurroundings {
  readonly config: Config;
  readonly db: Database;
  readonly log: Logger;
  readonly clients: HostClients;
  readonly background: BackgroundWork;
  readonly teamLimits: TeamLimits;
}

function buildSandboxes({ config, db, log, clients, background, teamLimits }: SandboxSurroundings): Sandboxes {
  return new Sandboxes({
    db,
    rows: new SandboxRows(db, teamLimits),
    clients,
    placement: new RoundRobin(),
    inFlight: new StepsInFlight(),
    background,
    log,
    createTimeoutMs: config.createTimeoutMs,
    execOutputBytes: config.limits.execOutputBytes,
    fileBytes: config.limits.fileBytes,
  });
}

function tidyNowAndThen(background: BackgroundWork, chores: Readonly<Record<string, () => Promise<void>>>): Disposable {
  const timer = setInterval(() => {
    for (const [what, chore] of Object.entries(chores)) background.run(what, chore);
  }, TIDY_INTERVAL_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function readiness(db: Database, isStopping: () => boolean): Readiness {
  return async () => {
    if (isStopping()) return "stopping";
    const answered = pingDatabase(db).then(
      () => "ok" as const,
      () => "database_unavailable" as const,
    );
    const { promise: tooLate, resolve } = Promise.withResolvers<"database_unavailable">();
    const timer = setTimeout(() => resolve("database_unavailable"), 2_000);
    return Promise.race([answered, tooLate]).finally(() => clearTimeout(timer));
  };
}

/** Between two looks at connections that have become idle while the server is being closed. */
const IDLE_CHECK_MS = 50;

/** Takes no new requests, and waits for those under way and for background work; not for longer than the grace. */
async function finish(app: FastifyInstance, background: BackgroundWork, graceMs: number, log: Logger): Promise<void> {
  const { promise: graceOver, resolve } = Promise.withResolvers<"grace over">();
  const timer = setTimeout(() => resolve("grace over"), graceMs);
  // A connection whose last answer was under way when the closing began is kept alive by its client, which nobody else would end.
  const idle = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS);
  const done = app.close().then(() => background.settled());
  const outcome = await Promise.race([done, graceOver]).finally(() => clearInterval(idle));
  clearTimeout(timer);
  if (outcome !== "grace over") return;
  log.warn({ grace_ms: graceMs }, "requests under way were cut off");
  app.server.closeAllConnections();
}
