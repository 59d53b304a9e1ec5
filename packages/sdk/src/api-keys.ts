/** API keys of one's team. These calls need a session token: a key cannot make keys. */
import type { CallOptions } from "./call-options.ts";
import type * as wire from "./gen/wire.ts";
import { readJson, readNothing } from "./http/answer.ts";
import { pages } from "./http/pages.ts";
import { route } from "./http/route.ts";
import { jsonBody, type Transport } from "./http/transport.ts";

export interface ApiKey {
  readonly id: string;
  readonly teamId: string;
  readonly name: string;
  /** The beginning of the key, to recognise it by. */
  readonly keyPrefix: string;
  /** The user who made it. */
  readonly createdBy: string | null;
  readonly createdAt: Date;
  readonly lastUsed: Date | null;
  /** From then on it opens nothing; null: never. */
  readonly expiresAt: Date | null;
}

export interface ApiKeyOptions extends CallOptions {
  /** When it shall end; without it, never. */
  readonly expiresAt?: Date | undefined;
}

export interface NewApiKey extends ApiKey {
  /** The key itself; the server shows it only this once. */
  readonly key: string;
}

/** As in the REST contract. */
export type ApiKeyWire = wire.ApiKey;

export class ApiKeys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async create(name: string, options: ApiKeyOptions = {}): Promise<NewApiKey> {
    const body = jsonBody({ name, expires_at: options.expiresAt?.toISOString() });
    const request = { method: "POST", path: "/v1/api-keys", body, repeat: "never", signal: options.signal } as const;
    const made = await this.#transport.send(request, readJson<wire.Routes["POST /v1/api-keys"]["answer"]>);
    return { ...apiKeyFromWire(made), key: made.key };
  }

  async *list(options: CallOptions = {}): AsyncGenerator<ApiKey> {
    const first = { path: "/v1/api-keys", query: new URLSearchParams(), signal: options.signal };
    for await (const key of pages<ApiKeyWire>(this.#transport, first)) yield apiKeyFromWire(key);
  }

  /** From now on the key opens nothing. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    const path = route`/v1/api-keys/${id}`;
    const request = { method: "DELETE", path, repeat: "never", signal: options.signal } as const;
    await this.#transport.send(request, readNothing);
  }
}

function apiKeyFromWire(key: ApiKeyWire): ApiKey {
  const time = (at: string | null) => (at === null ? null : new Date(at));
  return {
    id: key.id,
    teamId: key.team_id,
    name: key.name,
    keyPrefix: key.key_prefix,
    createdBy: key.created_by,
    createdAt: new Date(key.created_at),
    lastUsed: time(key.last_used),
    expiresAt: time(key.expires_at),
  };
}

export function apiKeyToWire(key: ApiKey): ApiKeyWire {
  return {
    id: key.id,
    team_id: key.teamId,
    name: key.name,
    key_prefix: key.keyPrefix,
    created_by: key.createdBy,
    created_at: key.createdAt.toISOString(),
    last_used: key.lastUsed?.toISOString() ?? null,
    expires_at: key.expiresAt?.toISOString() ?? null,
  };
}
