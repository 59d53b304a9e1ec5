/**
 * Every change is in the audit log: each route that is not a GET says in `config.audit` what it changes, or `"nothing"`; one that
 * does not say it cannot be registered. The entry is written before the handler runs, and ended before the answer leaves.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AuditEntry, AuditLog } from "../audit/audit-log.ts";

/** What a route may change, as the log names it. */
export type AuditAction =
  | "account.create"
  | "account.password"
  | "session.open"
  | "session.switch"
  | "team.create"
  | "team.rename"
  | "team.member.role"
  | "team.member.remove"
  | "team.invite.create"
  | "team.invite.delete"
  | "team.invite.accept"
  | "api-key.create"
  | "api-key.delete"
  | "sandbox.create"
  | "sandbox.destroy"
  | "sandbox.pause"
  | "sandbox.resume"
  | "snapshot.create"
  | "snapshot.delete"
  | "host.create"
  | "host.delete"
  | "host.token"
  | "host.join";

/** What a handler knows better than the request tells. */
export interface AuditNote {
  readonly subject?: string;
  /** Whose log it belongs in, when that is not the team that asks. */
  readonly teamId?: string | null;
  readonly userId?: string;
  readonly actor?: string;
  /** Never anything secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

interface Audited {
  /** The entry that was begun; undefined while nobody is known to have asked. */
  id: string | undefined;
  note: AuditNote;
  /** An answer that was given before changes nothing. */
  repeated: boolean;
}

declare module "fastify" {
  interface FastifyRequest {
    audited: Audited | undefined;
  }
  interface FastifyContextConfig {
    audit?: AuditAction | "nothing";
  }
}

/** To be called before any route is registered. */
export function auditChanges(app: FastifyInstance, log: AuditLog): void {
  app.decorateRequest("audited", undefined);
  app.addHook("onRoute", ({ method, url, config }) => {
    const reads = [method].flat().every((verb) => verb === "GET" || verb === "HEAD" || verb === "OPTIONS");
    if (!reads && !config?.audit) throw new Error(`${method} ${url} does not say what it changes`);
  });
  app.addHook("preHandler", async (request) => {
    const { audit } = request.routeOptions.config;
    if (audit === undefined || audit === "nothing") return;
    request.audited = { id: undefined, note: {}, repeated: false };
    const { principal } = request;
    if (principal?.kind === "session" || principal?.kind === "key") {
      request.audited.id = await log.begin(entryOf(request, audit, {}));
    }
  });
  app.addHook("onSend", async (request, reply) => {
    const { audit } = request.routeOptions.config;
    if (!request.audited || audit === undefined || audit === "nothing") return;
    // The answer goes out in any case; an entry that cannot be ended stays `begun`.
    await end(log, request, reply, audit).catch((err: unknown) =>
      request.log.warn({ err }, "an audit entry was not ended"),
    );
    request.audited = undefined;
  });
}

async function end(log: AuditLog, request: FastifyRequest, reply: FastifyReply, action: AuditAction): Promise<void> {
  const { id, note, repeated } = request.audited ?? { note: {}, repeated: true };
  const refused = repeated || (reply.statusCode >= 400 && reply.statusCode < 500);
  if (id === undefined) {
    if (reply.statusCode < 400 && !repeated) await log.add(entryOf(request, action, note));
    return;
  }
  if (refused) return log.takeOut(id);
  const { subject, details } = entryOf(request, action, note);
  await log.end(id, { outcome: reply.statusCode < 400 ? "done" : "failed", subject, details });
}

function entryOf(request: FastifyRequest, action: AuditAction, note: AuditNote): AuditEntry {
  const { principal } = request;
  const isTeams = principal?.kind === "session" || principal?.kind === "key";
  const params = request.params as { readonly id?: string; readonly name?: string };
  return {
    teamId: note.teamId === undefined ? (isTeams ? principal.teamId : null) : note.teamId,
    userId: note.userId ?? (principal?.kind === "session" ? principal.userId : null),
    keyId: principal?.kind === "key" ? principal.keyId : null,
    actor: note.actor ?? actorOf(request),
    action,
    subject: note.subject ?? params.id ?? params.name ?? null,
    details: note.details ?? {},
    address: request.ip,
    requestId: request.id,
  };
}

function actorOf({ principal }: FastifyRequest): string {
  switch (principal?.kind) {
    case "session":
      return principal.email;
    case "key":
      return principal.keyName;
    case "host":
      return principal.hostId;
    default:
      return "";
  }
}

/** Adds to the entry of this request. */
export function noteAudit(request: FastifyRequest, note: AuditNote): void {
  if (request.audited) request.audited.note = { ...request.audited.note, ...note };
}

/** The answer is an earlier request's, and so was the change. */
export function noteRepeated(request: FastifyRequest): void {
  if (request.audited) request.audited.repeated = true;
}
