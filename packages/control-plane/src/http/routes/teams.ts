/** The user's teams: making, naming, and the record of what was changed in them. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { AuditLog } from "../../audit/audit-log.ts";
import type { Teams } from "../../teams/teams.ts";
import { personOf } from "../access.ts";
import { noteAudit } from "../audit.ts";
import { LINK_HEADER, PageQuery, page } from "../pages.ts";
import { IdParams } from "../schemas/ids.ts";
import { AuditEventRef, showEvent, showTeam, TeamRef } from "../schemas/people.ts";
import { Text } from "../schemas/text.ts";

const NamedBody = Type.Object({ name: Text({ minLength: 1, maxLength: 100 }) }, { additionalProperties: false });

export function teamsRoutes(teams: Teams, auditLog: AuditLog): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      "/v1/teams",
      {
        config: { access: "session" },
        schema: {
          tags: ["teams"],
          summary: "List one's teams, newest first",
          querystring: Type.Object(PageQuery, { additionalProperties: false }),
          response: { 200: Type.Array(TeamRef, { headers: LINK_HEADER, description: "A page of them." }) },
        },
      },
      async (request, reply) => {
        const rows = await page(request, reply, (next) => teams.list(personOf(request).userId, next));
        return rows.map(showTeam);
      },
    );

    app.post(
      "/v1/teams",
      {
        config: { access: "session", audit: "team.create", errors: ["limit_reached"] },
        schema: {
          tags: ["teams"],
          summary: "Make a team; who makes it owns it",
          body: NamedBody,
          response: { 201: TeamRef },
        },
      },
      async (request, reply) => {
        const { name } = request.body;
        const team = await teams.create(personOf(request).userId, name);
        noteAudit(request, { teamId: team.id, subject: team.id, details: { name } });
        reply.code(201);
        return showTeam(team);
      },
    );

    app.get(
      "/v1/teams/:id",
      {
        config: { access: "session", errors: ["not_found"] },
        schema: {
          tags: ["teams"],
          summary: "Show a team",
          params: IdParams("team"),
          response: { 200: TeamRef },
        },
      },
      async (request) => showTeam(await teams.get(personOf(request).userId, request.params.id)),
    );

    app.patch(
      "/v1/teams/:id",
      {
        config: { access: "session", audit: "team.rename", errors: ["not_found", "forbidden"] },
        schema: {
          tags: ["teams"],
          summary: "Rename a team",
          params: IdParams("team"),
          body: NamedBody,
          response: { 200: TeamRef },
        },
      },
      async (request) => {
        const { name } = request.body;
        const team = await teams.rename(personOf(request).userId, request.params.id, name);
        noteAudit(request, { details: { name } });
        return showTeam(team);
      },
    );

    app.get(
      "/v1/teams/:id/audit",
      {
        config: { access: "session", errors: ["not_found", "forbidden"] },
        schema: {
          tags: ["teams"],
          summary: "List what was changed in a team, newest first",
          params: IdParams("team"),
          querystring: Type.Object(PageQuery, { additionalProperties: false }),
          response: { 200: Type.Array(AuditEventRef, { headers: LINK_HEADER, description: "A page of them." }) },
        },
      },
      async (request, reply) => {
        await teams.requireRole(personOf(request).userId, request.params.id, "admin");
        const rows = await page(request, reply, (next) => auditLog.list(request.params.id, next));
        return rows.map(showEvent);
      },
    );
  };
}
