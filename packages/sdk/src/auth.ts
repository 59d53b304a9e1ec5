/** Accounts: sign up and log in. The token that comes back opens a session: `new Roost({ url, token })`. */
import type { CallOptions } from "./call-options.ts";
import { readJson } from "./http/answer.ts";
import { jsonBody, type Transport } from "./http/transport.ts";

export interface Credentials {
  readonly email: string;
  /** At least 8 characters. */
  readonly password: string;
}

export interface Session {
  /** Good for 6 hours. */
  readonly token: string;
  readonly userId: string;
  readonly teamId: string;
  readonly email: string;
}

interface SessionWire {
  readonly token: string;
  readonly user_id: string;
  readonly team_id: string;
  readonly email: string;
}

export class Auth {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** A new account with a team of its own, where the server lets people sign up. */
  async signup(credentials: Credentials, options: CallOptions = {}): Promise<Session> {
    return await this.#session("/v1/auth/signup", credentials, options);
  }

  async login(credentials: Credentials, options: CallOptions = {}): Promise<Session> {
    return await this.#session("/v1/auth/login", credentials, options);
  }

  async #session(path: string, { email, password }: Credentials, options: CallOptions): Promise<Session> {
    const body = jsonBody({ email, password });
    const request = { method: "POST", path, body, repeat: "never", signal: options.signal } as const;
    const wire = await this.#transport.send(request, readJson<SessionWire>);
    return { token: wire.token, userId: wire.user_id, teamId: wire.team_id, email: wire.email };
  }
}
