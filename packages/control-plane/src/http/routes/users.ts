/** Signing up, logging in, who am I. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Session, Users } from "../../users/users.ts";
import { personOf } from "../access.ts";
import { Choice } from "../schemas/choice.ts";
import { AnyText, Email, Time } from "../schemas/text.ts";

const Password = (minLength: number) => AnyText({ minLength, maxLength: 1024 });

const OpenedSession = Type.Object(
  {
    token: Type.String({ description: "For `Authorization: Bearer …`; good for six hours." }),
    user_id: Type.String(),
    team_id: Type.String(),
    email: Type.String(),
  },
  { description: "A session." },
);

const Me = Type.Object(
  {
    user: Type.Object({ id: Type.String(), email: Type.String(), is_admin: Type.Boolean(), created_at: Time() }),
    team_id: Type.String({ description: "The team that this session acts for." }),
    teams: Type.Array(Type.Object({ id: Type.String(), name: Type.String(), role: Choice(["owner", "member"]) })),
  },
  { description: "The user, and their teams." },
);

function show(session: Session) {
  return { token: session.token, user_id: session.userId, team_id: session.teamId, email: session.email };
}

export function usersRoutes(users: Users): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      "/v1/auth/signup",
      {
        config: { access: "anyone", errors: ["forbidden", "conflict"] },
        schema: {
          tags: ["account"],
          summary: "Make an account, with a team of its own",
          body: Type.Object({ email: Email(), password: Password(8) }, { additionalProperties: false }),
          response: { 201: OpenedSession },
        },
      },
      async (request, reply) => {
        reply.code(201);
        return show(await users.signUp(request.body.email, request.body.password));
      },
    );

    app.post(
      "/v1/auth/login",
      {
        config: { access: "anyone", errors: ["unauthorized"] },
        schema: {
          tags: ["account"],
          summary: "Open a session",
          body: Type.Object({ email: Email(), password: Password(1) }, { additionalProperties: false }),
          response: { 200: OpenedSession },
        },
      },
      async (request) => show(await users.logIn(request.body.email, request.body.password)),
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
