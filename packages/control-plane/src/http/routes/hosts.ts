/** Hosts, as people see them. What hosts themselves call is in enrolment.ts. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Hosts } from "../../hosts/hosts.ts";
import { personOf } from "../access.ts";
import { noteAudit } from "../audit.ts";
import { LINK_HEADER, PageQuery, page } from "../pages.ts";
import { Choice } from "../schemas/choice.ts";
import { IdParams } from "../schemas/ids.ts";
import { HOST_TYPES, HostRef, showHost } from "../schemas/resources.ts";
import { Text } from "../schemas/text.ts";

const Label = () => Type.Optional(Text({ minLength: 1, maxLength: 100 }));
const RegistrationToken = Type.String({ description: "Lets one machine join, once, within an hour. Shown here only." });

export function hostsRoutes(hosts: Hosts): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      "/v1/hosts",
      {
        config: { access: "session", audit: "host.create", errors: ["forbidden"] },
        schema: {
          tags: ["hosts"],
          summary: "Announce a host, and get the token with which its machine joins",
          body: Type.Object(
            {
              type: Choice(HOST_TYPES, { default: "regular" }),
              provider: Label(),
              availability_zone: Label(),
            },
            { additionalProperties: false },
          ),
          response: {
            201: Type.Object(
              { host: HostRef, registration_token: RegistrationToken },
              { description: "It is `pending`." },
            ),
          },
        },
      },
      async (request, reply) => {
        const { type, provider, availability_zone: availabilityZone } = request.body;
        const made = await hosts.create(personOf(request), { type, provider, availabilityZone });
        noteAudit(request, { subject: made.host.id, details: { type } });
        reply.code(201);
        return { host: showHost(made.host), registration_token: made.registrationToken };
      },
    );

    app.get(
      "/v1/hosts",
      {
        config: { access: "session" },
        schema: {
          tags: ["hosts"],
          summary: "List hosts, newest first: for admins the shared ones, for everyone their team's own",
          querystring: Type.Object(PageQuery, { additionalProperties: false }),
          response: { 200: Type.Array(HostRef, { headers: LINK_HEADER, description: "A page of them." }) },
        },
      },
      async (request, reply) => {
        const rows = await page(request, reply, (next) => hosts.list(personOf(request), next));
        return rows.map(showHost);
      },
    );

    app.get(
      "/v1/hosts/:id",
      {
        config: { access: "session", errors: ["not_found"] },
        schema: {
          tags: ["hosts"],
          summary: "Show a host",
          params: IdParams("host"),
          response: { 200: HostRef },
        },
      },
      async (request) => showHost(await hosts.get(personOf(request), request.params.id)),
    );

    app.delete(
      "/v1/hosts/:id",
      {
        config: {
          access: "session",
          audit: "host.delete",
          errors: ["not_found", "forbidden", "host_has_sandboxes", "host_unavailable"],
        },
        schema: {
          tags: ["hosts"],
          summary: "Remove a host",
          params: IdParams("host"),
          querystring: Type.Object(
            { force: Type.Boolean({ default: false, description: "Destroy its sandboxes first." }) },
            { additionalProperties: false },
          ),
          response: { 204: Type.Null({ description: "Removed; its tokens are worth nothing any more." }) },
        },
      },
      async (request, reply) => {
        await hosts.remove(personOf(request), request.params.id, { force: request.query.force });
        return reply.code(204).send(null);
      },
    );

    app.post(
      "/v1/hosts/:id/token",
      {
        config: { access: "session", audit: "host.token", errors: ["not_found", "forbidden", "conflict"] },
        schema: {
          tags: ["hosts"],
          summary: "A new token for a host that has not joined; the one before is void",
          params: IdParams("host"),
          response: { 201: Type.Object({ registration_token: RegistrationToken }, { description: "The new token." }) },
        },
      },
      async (request, reply) => {
        reply.code(201);
        return { registration_token: await hosts.renewJoinToken(personOf(request), request.params.id) };
      },
    );
  };
}
