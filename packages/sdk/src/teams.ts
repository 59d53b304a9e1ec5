/** One's teams, and who is in them. These calls need a session token; `limits` is also opened by an API key. */
import type { CallOptions } from "./call-options.ts";
import type * as wire from "./gen/wire.ts";
import { readJson, readNothing } from "./http/answer.ts";
import { pages } from "./http/pages.ts";
import { route } from "./http/route.ts";
import { jsonBody, type Request, type Transport } from "./http/transport.ts";
import {
  type AuditEvent,
  auditEventFromWire,
  inviteFromWire,
  limitsFromWire,
  memberFromWire,
  type NewTeamInvite,
  type Team,
  type TeamInvite,
  type TeamLimits,
  type TeamMember,
  type TeamRole,
  teamFromWire,
} from "./team-info.ts";

export interface NewInvite {
  readonly email: string;
  /** `member` if absent. */
  readonly role?: TeamRole | undefined;
}

type Changing = Pick<Request, "method" | "path"> & { readonly fields?: object };

export class Teams {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The user's own, newest first. */
  async *list(options: CallOptions = {}): AsyncGenerator<Team> {
    for await (const team of this.#pages<wire.Team>("/v1/teams", options)) yield teamFromWire(team);
  }

  async get(id: string, options: CallOptions = {}): Promise<Team> {
    const request = { method: "GET", path: route`/v1/teams/${id}`, repeat: "safe", signal: options.signal } as const;
    return teamFromWire(await this.#transport.send(request, readJson<wire.Team>));
  }

  async create(name: string, options: CallOptions = {}): Promise<Team> {
    return teamFromWire(
      await this.#change<wire.Team>({ method: "POST", path: "/v1/teams", fields: { name } }, options),
    );
  }

  async rename(id: string, name: string, options: CallOptions = {}): Promise<Team> {
    const change = { method: "PATCH", path: route`/v1/teams/${id}`, fields: { name } } as const;
    return teamFromWire(await this.#change<wire.Team>(change, options));
  }

  /** Newest first. */
  async *members(id: string, options: CallOptions = {}): AsyncGenerator<TeamMember> {
    const members = this.#pages<wire.TeamMember>(route`/v1/teams/${id}/members`, options);
    for await (const member of members) yield memberFromWire(member);
  }

  async setRole(id: string, userId: string, role: TeamRole, options: CallOptions = {}): Promise<TeamMember> {
    const change = { method: "PATCH", path: route`/v1/teams/${id}/members/${userId}`, fields: { role } } as const;
    return memberFromWire(await this.#change<wire.TeamMember>(change, options));
  }

  /** Removes a member, or, with one's own id, leaves. The keys and invitations that they made in the team go, too. */
  async removeMember(id: string, userId: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(route`/v1/teams/${id}/members/${userId}`, options);
  }

  /** An invitation by email; an earlier one of theirs is void. */
  async invite(id: string, { email, role }: NewInvite, options: CallOptions = {}): Promise<NewTeamInvite> {
    const change = { method: "POST", path: route`/v1/teams/${id}/invites`, fields: { email, role } } as const;
    const made = await this.#change<wire.Routes["POST /v1/teams/{id}/invites"]["answer"]>(change, options);
    return { ...inviteFromWire(made), token: made.token };
  }

  /** The open ones, newest first. */
  async *invites(id: string, options: CallOptions = {}): AsyncGenerator<TeamInvite> {
    const invites = this.#pages<wire.TeamInvite>(route`/v1/teams/${id}/invites`, options);
    for await (const invite of invites) yield inviteFromWire(invite);
  }

  async deleteInvite(id: string, inviteId: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(route`/v1/teams/${id}/invites/${inviteId}`, options);
  }

  /** Joins the team that the invitation is of. */
  async acceptInvite(token: string, options: CallOptions = {}): Promise<Team> {
    const change = { method: "POST", path: "/v1/invites/accept", fields: { token } } as const;
    return teamFromWire(await this.#change<wire.Team>(change, options));
  }

  /** What was changed in the team, newest first. */
  async *audit(id: string, options: CallOptions = {}): AsyncGenerator<AuditEvent> {
    const events = this.#pages<wire.AuditEvent>(route`/v1/teams/${id}/audit`, options);
    for await (const event of events) yield auditEventFromWire(event);
  }

  /** What the team that the key or session is of may have, and has. */
  async limits(options: CallOptions = {}): Promise<TeamLimits> {
    const request = { method: "GET", path: "/v1/limits", repeat: "safe", signal: options.signal } as const;
    return limitsFromWire(await this.#transport.send(request, readJson<wire.Routes["GET /v1/limits"]["answer"]>));
  }

  #pages<Wire extends object>(path: string, { signal }: CallOptions): AsyncGenerator<Wire> {
    return pages<Wire>(this.#transport, { path, query: new URLSearchParams(), signal });
  }

  async #change<Wire extends object>({ method, path, fields = {} }: Changing, { signal }: CallOptions): Promise<Wire> {
    const request = { method, path, body: jsonBody(fields), repeat: "never", signal } as const;
    return await this.#transport.send(request, readJson<Wire>);
  }

  async #delete(path: string, { signal }: CallOptions): Promise<void> {
    await this.#transport.send({ method: "DELETE", path, repeat: "never", signal }, readNothing);
  }
}
