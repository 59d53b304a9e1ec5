/** Signing up, logging in, who am I. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { idPattern } from "@roost/protocol/ids";
import { Type } from "typebox";
import type { Session, Users } from "../../users/users.ts";
import { personOf } from "../access.ts";
import { noteAudit } from "../audit.ts";
import type { RateLimits } from "../rate-limits.ts";
import { Role } from "../schemas/people.ts";
import { AnyText, Email, Time, Token } from "../schemas/text.ts";

const Password = (minLength: number) => AnyText({ minLength, maxLength: 1024 });

const OpenedSession = Type.Object(
  {
    token: Type.String({ description: "For `Authorization: Bearer …`; good for six hours." }),
    user_id: Type.String(),
    team_id: Type.String({ description: "The team that the session acts for." }),
    email: Type.String(),
  },
  { description: "A session." },
);

const Me = Type.Object(
  {
    user: Type.Object({ id: Type.String(), email: Type.String(), is_admin: Type.Boolean(), created_at: Time() }),
    team_id: Type.String({ description: "The team that this session acts for." }),
    teams: Type.Array(Type.Object({ id: Type.String(), name: Type.String(), role: Role() })),
  },
  { description: "The user, and their teams." },
);

function show(session: Session) {
  return { token: session.token, user_id: session.userId, team_id: session.teamId, email: session.email };
}

function opened(session: Session) {
  return { teamId: session.teamId, userId: session.userId, actor: session.email, subject: session.userId };
}

export function usersRoutes(users: Users, rates: RateLimits): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      "/v1/auth/signup",
      {
        config: {
          access: "anyone",
          audit: "account.create",
          rate: "sign-up",
          errors: ["forbidden", "not_found", "conflict"],
        },
        schema: {
          tags: ["account"],
          summary: "Make an account, with a team of its own",
          body: Type.Object(
            {
              email: Email(),
              password: Password(8),
              invite: Type.Optional(
                Token({ description: "An invitation's token: one is in the team that invites, too." }),
              ),
            },
            { additionalProperties: false },
          ),
          response: { 201: OpenedSession },
        },
      },
      async (request, reply) => {
        const { email, password, invite } = request.body;
        const session = await users.signUp({ email, password, invite });
        noteAudit(request, opened(session));
        reply.code(201);
        return show(session);
      },
    );

    app.post(
      "/v1/auth/login",
      {
        config: { access: "anyone", audit: "session.open", rate: "log-in", errors: ["unauthorized"] },
        schema: {
          tags: ["account"],
          summary: "Open a session",
          body: Type.Object({ email: Email(), password: Password(1) }, { additionalProperties: false }),
          response: { 200: OpenedSession },
        },
      },
      async (request) => {
        const { email, password } = request.body;
        const session = await rates.guessing(request, email, () => users.logIn(email, password));
        noteAudit(request, opened(session));
        return show(session);
      },
    );

    app.post(
      "/v1/auth/switch",
      {
        config: { access: "session", audit: "session.switch", errors: ["not_found"] },
        schema: {
          tags: ["account"],
          summary: "Open a session for another of one's teams",
          body: Type.Object({ team_id: Type.String({ pattern: idPattern("team") }) }, { additionalProperties: false }),
          response: { 200: OpenedSession },
        },
      },
      async (request) => {
        const session = await users.switchTeam(personOf(request), request.body.team_id);
        noteAudit(request, { subject: session.teamId });
        return show(session);
      },
    );

    app.post(
      "/v1/auth/password",
      {
        config: { access: "session", audit: "account.password", rate: "log-in", errors: ["forbidden", "conflict"] },
        schema: {
          tags: ["account"],
          summary: "Take another password; all of one's sessions end, and a new one is opened",
          body: Type.Object(
            { current_password: Password(1), new_password: Password(8) },
            { additionalProperties: false },
          ),
          response: { 200: OpenedSession },
        },
      },
      async (request) => {
        const { current_password: current, new_password: next } = request.body;
        const person = personOf(request);
        noteAudit(request, { subject: person.userId });
        const change = () => users.changePassword(person, current, next);
        return show(await rates.guessing(request, person.email, change));
      },
    );

    app.get(
      "/v1/me",
      {
        config: { access: "session" },
        schema: { tags: ["account"], summary: "Who this session is", response: { 200: Me } },
      },
      async (request) => {
        const { userId, teamId } = personOf(request);
        const { user, teams } = await users.profile(userId);
        return { user: { ...user, created_at: user.created_at.toISOString() }, team_id: teamId, teams };
      },
    );
  };
}
