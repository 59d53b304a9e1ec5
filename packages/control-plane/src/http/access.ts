/**
 * Who may call a route. Each route says it in its `config.access`, once: from that come the check (before a byte of the body
 * is read), the `security` of the OpenAPI document and the 401. A route that does not say it cannot be registered.
 */
import { type ErrorCode, RoostError } from "@roost/protocol/errors";
import type { FastifyInstance, FastifyRequest, RouteOptions } from "fastify";
import type { ApiKeys, KeyHolder } from "../api-keys/api-keys.ts";
import type { Enrolment } from "../hosts/hosts.ts";
import type { SessionHolder, Users } from "../users/users.ts";
import { errorAnswers } from "./schemas/errors.ts";

/** K, J, H and – of docs/api.md. */
export type Access = "key-or-session" | "session" | "host" | "anyone";

type Principal =
  | ({ readonly kind: "key" } & KeyHolder)
  | ({ readonly kind: "session" } & SessionHolder)
  | { readonly kind: "host"; readonly hostId: string };

declare module "fastify" {
  interface FastifyInstance {
    guardedRoutes: readonly GuardedRoute[];
  }
  interface FastifyRequest {
    principal: Principal | undefined;
  }
  interface FastifyContextConfig {
    access?: Access;
    /** The route's own errors, beside those that follow from what it takes. */
    errors?: readonly ErrorCode[];
  }
}

export interface AccessParts {
  readonly users: Pick<Users, "holderOf">;
  readonly apiKeys: Pick<ApiKeys, "holderOf">;
  readonly enrolment: Pick<Enrolment, "recognise">;
}

export const SECURITY_SCHEMES = {
  ApiKey: { type: "apiKey", in: "header", name: "X-API-Key", description: "A team's API key." },
  Session: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "From sign-up or log-in; six hours." },
  HostToken: { type: "apiKey", in: "header", name: "X-Host-Token", description: "A host's own token; seven days." },
} as const;

const SECURITY: Readonly<Record<Access, Record<string, readonly string[]>[]>> = {
  "key-or-session": [{ ApiKey: [] }, { Session: [] }],
  session: [{ Session: [] }],
  host: [{ HostToken: [] }],
  anyone: [],
};

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

async function sessionOf(request: FastifyRequest, users: AccessParts["users"]): Promise<Principal> {
  const token = /^Bearer ([A-Za-z0-9._-]+)$/i.exec(headerOf(request, "authorization") ?? "")?.[1];
  const holder = token && (await users.holderOf(token));
  if (!holder) throw new RoostError("unauthorized", "Log in, and send the token as “Authorization: Bearer …”.");
  return { kind: "session", ...holder };
}

/** An API key that is there decides, right or wrong; only without one a session is looked at. */
async function keyOrSessionOf(request: FastifyRequest, parts: AccessParts): Promise<Principal> {
  const key = headerOf(request, "x-api-key");
  if (key === undefined) {
    if (headerOf(request, "authorization") !== undefined) return sessionOf(request, parts.users);
    throw new RoostError(
      "unauthorized",
      "Send an API key as “X-API-Key: …”, or a session as “Authorization: Bearer …”.",
    );
  }
  const holder = await parts.apiKeys.holderOf(key);
  if (!holder) throw new RoostError("unauthorized", "This API key is wrong, was deleted, or has ended.");
  return { kind: "key", ...holder };
}

async function hostPrincipalOf(request: FastifyRequest, enrolment: AccessParts["enrolment"]): Promise<Principal> {
  const token = headerOf(request, "x-host-token");
  if (token === undefined) throw new RoostError("unauthorized", "Send the host's token as “X-Host-Token: …”.");
  return { kind: "host", hostId: await enrolment.recognise(token) };
}

/** A route with who may call it, as tests ask for them all. */
export interface GuardedRoute {
  readonly method: string;
  readonly url: string;
  readonly access: Access;
}

/** To be called before any route is registered. */
export function guardRoutes(app: FastifyInstance, parts: AccessParts): void {
  app.decorateRequest("principal", undefined);
  const routes: GuardedRoute[] = [];
  app.decorate("guardedRoutes", routes);
  const checks: Record<Exclude<Access, "anyone">, (request: FastifyRequest) => Promise<Principal>> = {
    "key-or-session": (request) => keyOrSessionOf(request, parts),
    session: (request) => sessionOf(request, parts.users),
    host: (request) => hostPrincipalOf(request, parts.enrolment),
  };
  app.addHook("onRoute", (route) => {
    const access = route.config?.access;
    if (!access) throw new Error(`${route.method} ${route.url} does not say who may call it`);
    document(route, access);
    for (const method of [route.method].flat()) routes.push({ method, url: route.url, access });
    if (access === "anyone") return;
    const check = checks[access];
    route.onRequest = async (request: FastifyRequest) => {
      request.principal = await check(request);
    };
  });
}

/** Adds to a route's schema what follows from its access and its inputs. */
function document(route: RouteOptions, access: Access): void {
  const schema = route.schema ?? {};
  const codes: ErrorCode[] = ["internal", "database_unavailable", ...(route.config?.errors ?? [])];
  if (access !== "anyone") codes.push("unauthorized");
  if (access !== "host" && route.config?.rate !== "none") codes.push("rate_limited");
  if (access === "host") codes.push("host_deleted");
  if (schema.body) codes.push("invalid_request", "payload_too_large");
  if (schema.querystring || schema.headers) codes.push("invalid_request");
  const response = { ...errorAnswers(codes), ...(schema.response as object | undefined) };
  route.schema = { ...schema, security: SECURITY[access], response };
}

/** The team that asks, of a route of access `key-or-session` or `session`. */
export function teamOf(request: FastifyRequest): string {
  const { principal } = request;
  if (principal?.kind === "key" || principal?.kind === "session") return principal.teamId;
  throw new TypeError("this route is not open to teams");
}

/** The person that asks, of a route of access `session`. */
export function personOf(request: FastifyRequest): SessionHolder {
  if (request.principal?.kind === "session") return request.principal;
  throw new TypeError("this route is not open to people");
}

/** The host that asks, of a route of access `host`. */
export function hostOf(request: FastifyRequest): string {
  if (request.principal?.kind === "host") return request.principal.hostId;
  throw new TypeError("this route is not open to hosts");
}
