/** Accounts: sign up and log in. The token that comes back opens a session: `new Roost({ url, token })`. */
import type { CallOptions } from "./call-options.ts";
import type { Routes } from "./gen/wire.ts";
import { readJson } from "./http/answer.ts";
import { jsonBody, type Transport } from "./http/transport.ts";

export interface Credentials {
  readonly email: string;
  /** At least 8 characters. */
  readonly password: string;
}

export interface SignUpOptions extends CallOptions {
  /** The token of an invitation for this email: one is then in the team that invites, and the session acts for it. */
  readonly invite?: string | undefined;
}

export interface Session {
  /** Good for 6 hours. */
  readonly token: string;
  readonly userId: string;
  /** The team that it acts for. */
  readonly teamId: string;
  readonly email: string;
}

export class Auth {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** A new account with a team of its own, where the server lets people sign up. */
  async signup({ email, password }: Credentials, options: SignUpOptions = {}): Promise<Session> {
    return await this.#session("/v1/auth/signup", { email, password, invite: options.invite }, options);
  }

  async login({ email, password }: Credentials, options: CallOptions = {}): Promise<Session> {
    return await this.#session("/v1/auth/login", { email, password }, options);
  }

  /** A session for another of one's teams. Needs a session token, which stays good. */
  async switchTeam(teamId: string, options: CallOptions = {}): Promise<Session> {
    return await this.#session("/v1/auth/switch", { team_id: teamId }, options);
  }

  /** Needs a session token. That one and all others of the user end; the one that is answered goes on. */
  async changePassword(current: string, next: string, options: CallOptions = {}): Promise<Session> {
    return await this.#session("/v1/auth/password", { current_password: current, new_password: next }, options);
  }

  async #session(path: string, fields: object, options: CallOptions): Promise<Session> {
    const request = { method: "POST", path, body: jsonBody(fields), repeat: "never", signal: options.signal } as const;
    const opened = await this.#transport.send(request, readJson<Routes["POST /v1/auth/login"]["answer"]>);
    return { token: opened.token, userId: opened.user_id, teamId: opened.team_id, email: opened.email };
  }
}
