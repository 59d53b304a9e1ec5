/** API keys of one's team. These calls need a session token: a key cannot make keys. */
import type { CallOptions } from "./call-options.ts";
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
  readonly createdAt: Date;
  readonly lastUsed: Date | null;
}

export interface NewApiKey extends ApiKey {
  /** The key itself; the server shows it only this once. */
  readonly key: string;
}

/** As in the REST contract. */
export interface ApiKeyWire {
  readonly id: string;
  readonly team_id: string;
  readonly name: string;
  readonly key_prefix: string;
  readonly created_at: string;
  readonly last_used: string | null;
}

export class ApiKeys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async create(name: string, options: CallOptions = {}): Promise<NewApiKey> {
    const body = jsonBody({ name });
    const request = { method: "POST", path: "/v1/api-keys", body, repeat: "never", signal: options.signal } as const;
    const wire = await this.#transport.send(request, readJson<ApiKeyWire & { readonly key: string }>);
    return { ...apiKeyFromWire(wire), key: wire.key };
  }

  async *list(options: CallOptions = {}): AsyncGenerator<ApiKey> {
    const first = { path: "/v1/api-keys", query: new URLSearchParams(), signal: options.signal };
    for await (const wire of pages<ApiKeyWire>(this.#transport, first)) yield apiKeyFromWire(wire);
  }

  /** From now on the key opens nothing. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    const path = route`/v1/api-keys/${id}`;
    const request = { method: "DELETE", path, repeat: "never", signal: options.signal } as const;
    await this.#transport.send(request, readNothing);
  }
}

function apiKeyFromWire(wire: ApiKeyWire): ApiKey {
  return {
    id: wire.id,
    teamId: wire.team_id,
    name: wire.name,
    keyPrefix: wire.key_prefix,
    createdAt: new Date(wire.created_at),
    lastUsed: wire.last_used === null ? null : new Date(wire.last_used),
  };
}

export function apiKeyToWire(key: ApiKey): ApiKeyWire {
  return {
    id: key.id,
    team_id: key.teamId,
    name: key.name,
    key_prefix: key.keyPrefix,
    created_at: key.createdAt.toISOString(),
    last_used: key.lastUsed?.toISOString() ?? null,
  };
}
