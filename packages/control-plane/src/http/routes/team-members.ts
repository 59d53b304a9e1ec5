/** Who is in a team: members, their roles, invitations. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { idPattern } from "@roost/protocol/ids";
import { Type } from "typebox";
import type { Teams } from "../../teams/teams.ts";
import { personOf } from "../access.ts";
import { noteAudit } from "../audit.ts";
import { LINK_HEADER, PageQuery, page } from "../pages.ts";
import { IdParams } from "../schemas/ids.ts";
import {
  NewTeamInvite,
  Role,
  showInvite,
  showMember,
  showTeam,
  TeamInviteRef,
  TeamMemberRef,
  TeamRef,
} from "../schemas/people.ts";
import { Email, Token } from "../schemas/text.ts";

const TeamId = Type.String({ pattern: idPattern("team") });
const MemberParams = Type.Object({ id: TeamId, user_id: Type.String({ pattern: idPattern("user") }) });
const InviteParams = Type.Object({ id: TeamId, invite_id: Type.String({ pattern: idPattern("invite") }) });

export function teamMembersRoutes(teams: Teams): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      "/v1/teams/:id/members",
      {
        config: { access: "session", errors: ["not_found"] },
        schema: {
          tags: ["teams"],
          summary: "List who is in a team, newest first",
          params: IdParams("team"),
          querystring: Type.Object(PageQuery, { additionalProperties: false }),
          response: { 200: Type.Array(TeamMemberRef, { headers: LINK_HEADER, description: "A page of them." }) },
        },
      },
      async (request, reply) => {
        const read = page(request, reply, (next) => teams.members(personOf(request).userId, request.params.id, next));
        return (await read).map(showMember);
      },
    );

    app.patch(
      "/v1/teams/:id/members/:user_id",
      {
        config: { access: "session", audit: "team.member.role", errors: ["not_found", "forbidden", "conflict"] },
        schema: {
          tags: ["teams"],
          summary: "Give a member another role; a team is never without an owner",
          params: MemberParams,
          body: Type.Object({ role: Role() }, { additionalProperties: false }),
          response: { 200: TeamMemberRef },
        },
      },
      async (request) => {
        const { id, user_id: memberId } = request.params;
        const { role } = request.body;
        noteAudit(request, { teamId: id, subject: memberId, details: { role } });
        return showMember(await teams.changeRole(personOf(request).userId, id, memberId, role));
      },
    );

    app.delete(
      "/v1/teams/:id/members/:user_id",
      {
        config: { access: "session", audit: "team.member.remove", errors: ["not_found", "forbidden", "conflict"] },
        schema: {
          tags: ["teams"],
          summary: "Remove a member, or leave; the keys and invitations that they made go, too",
          params: MemberParams,
          response: { 204: Type.Null({ description: "They are out, at once." }) },
        },
      },
      async (request, reply) => {
        const { id, user_id: memberId } = request.params;
        noteAudit(request, { teamId: id, subject: memberId });
        await teams.removeMember(personOf(request).userId, id, memberId);
        return reply.code(204).send(null);
      },
    );

    app.post(
      "/v1/teams/:id/invites",
      {
        config: { access: "session", audit: "team.invite.create", errors: ["not_found", "forbidden", "conflict"] },
        schema: {
          tags: ["teams"],
          summary: "Invite someone by email; an earlier invitation of theirs is void",
          params: IdParams("team"),
          body: Type.Object({ email: Email(), role: Role({ default: "member" }) }, { additionalProperties: false }),
          response: { 201: NewTeamInvite },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const invite = await teams.invite(personOf(request).userId, id, request.body);
        noteAudit(request, { teamId: id, subject: invite.id, details: { email: invite.email, role: invite.role } });
        reply.code(201);
        return showInvite(invite);
      },
    );

    app.get(
      "/v1/teams/:id/invites",
      {
        config: { access: "session", errors: ["not_found", "forbidden"] },
        schema: {
          tags: ["teams"],
          summary: "List a team's open invitations, newest first",
          params: IdParams("team"),
          querystring: Type.Object(PageQuery, { additionalProperties: false }),
          response: { 200: Type.Array(TeamInviteRef, { headers: LINK_HEADER, description: "A page of them." }) },
        },
      },
      async (request, reply) => {
        const read = page(request, reply, (next) => teams.invites(personOf(request).userId, request.params.id, next));
        return (await read).map(showInvite);
      },
    );

    app.delete(
      "/v1/teams/:id/invites/:invite_id",
      {
        config: { access: "session", audit: "team.invite.delete", errors: ["not_found", "forbidden"] },
        schema: {
          tags: ["teams"],
          summary: "Take an invitation back",
          params: InviteParams,
          response: { 204: Type.Null({ description: "It opens nothing any more." }) },
        },
      },
      async (request, reply) => {
        const { id, invite_id: inviteId } = request.params;
        noteAudit(request, { teamId: id, subject: inviteId });
        await teams.removeInvite(personOf(request).userId, id, inviteId);
        return reply.code(204).send(null);
      },
    );

    app.post(
      "/v1/invites/accept",
      {
        config: { access: "session", audit: "team.invite.accept", errors: ["not_found"] },
        schema: {
          tags: ["teams"],
          summary: "Accept an invitation",
          body: Type.Object({ token: Token() }, { additionalProperties: false }),
          response: { 200: TeamRef },
        },
      },
      async (request) => {
        const team = await teams.accept(personOf(request), request.body.token);
        noteAudit(request, { teamId: team.id, subject: team.id, details: { role: team.role } });
        return showTeam(team);
      },
    );
  };
}
