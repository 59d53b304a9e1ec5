/** What hosts call: joining, refreshing their credentials, heartbeats. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { RoostError } from "@roost/protocol/errors";
import { idPattern } from "@roost/protocol/ids";
import { Type } from "typebox";
import { type Enrolment, type Hosts, joinRefused, refreshRefused } from "../../hosts/hosts.ts";
import { REPORTED_STATUSES, type Sandboxes } from "../../sandboxes/sandboxes.ts";
import type { Snapshots } from "../../snapshots/snapshots.ts";
import { hostOf } from "../access.ts";
import { noteAudit } from "../audit.ts";
import { Choice } from "../schemas/choice.ts";
import { IdParams } from "../schemas/ids.ts";
import { HostRef, showHost } from "../schemas/resources.ts";
import { HostAndPort, Text } from "../schemas/text.ts";

const Label = () => Text({ minLength: 1, maxLength: 100 });
const Count = (minimum: number) => Type.Integer({ minimum, maximum: 2 ** 31 - 1 });
const CertificateRequest = () => Text({ maxLength: 16_384, description: "PKCS #10 in PEM; only its key is used." });

const JoinBody = Type.Object(
  {
    token: Text({ maxLength: 200 }),
    address: HostAndPort({ description: "Where the control plane reaches the host's agent." }),
    arch: Label(),
    cpu_cores: Count(1),
    memory_mb: Count(1),
    disk_gb: Count(0),
    csr: CertificateRequest(),
    vmm: Type.Object({ name: Label(), version: Label(), accelerator: Label() }, { additionalProperties: false }),
    disk_driver: Label(),
  },
  { additionalProperties: false },
);

const RefreshBody = Type.Object(
  { refresh_token: Text({ maxLength: 200 }), csr: Type.Optional(CertificateRequest()) },
  { additionalProperties: false },
);

const HeartbeatBody = Type.Object({
  load: Type.Object({
    sandboxes: Count(0),
    vcpus: Count(0),
    memory_mb: Count(0),
    disk_free_mb: Count(0),
  }),
  sandboxes: Type.Array(
    Type.Object({
      id: Type.String({ pattern: idPattern("sandbox") }),
      status: Choice(REPORTED_STATUSES),
      reason: Type.Optional(Type.String({ maxLength: 4096 })),
    }),
    { maxItems: 10_000, description: "All that the host has, in whatever state." },
  ),
});

/** A credential in the body is looked at before the rest of the body is found right or wrong. */
function credentialIn(body: unknown, field: string): string {
  const value =
    typeof body === "object" && body !== null && field in body ? (body as Record<string, unknown>)[field] : "";
  return typeof value === "string" ? value : "";
}

export interface EnrolmentRoutesParts {
  readonly enrolment: Enrolment;
  readonly hosts: Hosts;
  readonly sandboxes: Sandboxes;
  readonly snapshots: Snapshots;
}

export function enrolmentRoutes(parts: EnrolmentRoutesParts): FastifyPluginAsyncTypebox {
  const { enrolment, hosts, sandboxes, snapshots } = parts;
  return async (app) => {
    app.post(
      "/v1/hosts/register",
      {
        config: { access: "anyone", audit: "host.join", errors: ["unauthorized", "conflict"] },
        schema: {
          tags: ["hosts"],
          summary: "Join, with a one-time token",
          body: JoinBody,
          response: {
            201: Type.Object(
              {
                host: HostRef,
                token: Type.String({ description: "For `X-Host-Token`; seven days." }),
                refresh_token: Type.String({ description: "Sixty days." }),
                certificate: Type.String({ description: "The host's, in PEM: serverAuth, for `<id>.roost.internal`." }),
                ca: Type.String({ description: "The authority that the control plane's certificate is of, in PEM." }),
              },
              { description: "It is `online`." },
            ),
          },
        },
        preValidation: async (request) => {
          const token = credentialIn(request.body, "token");
          if (!(await enrolment.knowsJoinToken(token))) throw joinRefused();
        },
      },
      async (request, reply) => {
        const { token, csr, ...machine } = request.body;
        const joined = await enrolment.join(token, machine, csr);
        noteAudit(request, { teamId: joined.host.team_id, actor: joined.host.id, subject: joined.host.id });
        reply.code(201);
        return {
          host: showHost({ ...joined.host, tags: [] }),
          token: joined.token,
          refresh_token: joined.refreshToken,
          certificate: joined.certificate,
          ca: joined.ca,
        };
      },
    );

    app.post(
      "/v1/hosts/auth/refresh",
      {
        config: { access: "anyone", audit: "nothing", errors: ["unauthorized"] },
        schema: {
          tags: ["hosts"],
          summary: "New credentials for old; the old ones stay good until the new ones are first used",
          body: RefreshBody,
          response: {
            200: Type.Object(
              {
                token: Type.String(),
                refresh_token: Type.String(),
                certificate: Type.Optional(Type.String({ description: "With `csr` only." })),
                ca: Type.String(),
              },
              { description: "New credentials; to be stored before they are used." },
            ),
          },
        },
        preValidation: async (request) => {
          const token = credentialIn(request.body, "refresh_token");
          if (!(await enrolment.knowsRefreshToken(token))) throw refreshRefused();
        },
      },
      async (request) => {
        const refreshed = await enrolment.refresh(request.body.refresh_token, request.body.csr);
        const { token, refreshToken: refresh_token, certificate, ca } = refreshed;
        return { token, refresh_token, ca, ...(certificate === undefined ? {} : { certificate }) };
      },
    );

    app.post(
      "/v1/hosts/:id/heartbeat",
      {
        config: { access: "host", audit: "nothing", errors: ["forbidden"] },
        schema: {
          tags: ["hosts"],
          summary: "Say that the host is there, and all that it has",
          params: IdParams("host"),
          body: HeartbeatBody,
          response: { 204: Type.Null({ description: "Noted." }) },
        },
        preValidation: async (request) => {
          if (hostOf(request) !== (request.params as { id: string }).id) {
            throw new RoostError("forbidden", "This X-Host-Token is another host's.");
          }
        },
      },
      async (request, reply) => {
        await hosts.heartbeat(hostOf(request), request.body.load);
        await sandboxes.reconcile(hostOf(request), request.body.sandboxes);
        snapshots.hostIsThere(hostOf(request));
        return reply.code(204).send(null);
      },
    );
  };
}
