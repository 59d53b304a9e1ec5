/** The machines that sandboxes run on. These calls need a session token; regular hosts an admin's. */
import type { CallOptions } from "./call-options.ts";
import { type Host, type HostType, type HostWire, hostFromWire } from "./host-info.ts";
import { readJson, readNothing } from "./http/answer.ts";
import { pages } from "./http/pages.ts";
import { route } from "./http/route.ts";
import { jsonBody, type Transport } from "./http/transport.ts";

export interface NewHost {
  /** `regular` (the default): for all teams, made by admins. `byoc`: a team's own, made by its owners. */
  readonly type?: HostType | undefined;
  readonly provider?: string | undefined;
  readonly availabilityZone?: string | undefined;
}

export interface PendingHost {
  readonly host: Host;
  /** With it one agent can join as this host, once, within an hour. Shown only here. */
  readonly registrationToken: string;
}

interface PendingHostWire {
  readonly host: HostWire;
  readonly registration_token: string;
}

export class Hosts {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** A host that may join: give its agent the registration token. */
  async create(wanted: NewHost = {}, options: CallOptions = {}): Promise<PendingHost> {
    const { type, provider, availabilityZone } = wanted;
    const body = jsonBody({ type, provider, availability_zone: availabilityZone });
    const request = { method: "POST", path: "/v1/hosts", body, repeat: "never", signal: options.signal } as const;
    const wire = await this.#transport.send(request, readJson<PendingHostWire>);
    return { host: hostFromWire(wire.host), registrationToken: wire.registration_token };
  }

  async *list(options: CallOptions = {}): AsyncGenerator<Host> {
    const first = { path: "/v1/hosts", query: new URLSearchParams(), signal: options.signal };
    for await (const wire of pages<HostWire>(this.#transport, first)) yield hostFromWire(wire);
  }

  async get(id: string, options: CallOptions = {}): Promise<Host> {
    const path = route`/v1/hosts/${id}`;
    const request = { method: "GET", path, repeat: "safe", signal: options.signal } as const;
    return hostFromWire(await this.#transport.send(request, readJson<HostWire>));
  }

  /** A new registration token for a host that has not joined yet; the old one is void. */
  async token(id: string, options: CallOptions = {}): Promise<string> {
    const path = route`/v1/hosts/${id}/token`;
    const request = { method: "POST", path, body: jsonBody({}), repeat: "never", signal: options.signal } as const;
    return (await this.#transport.send(request, readJson<{ registration_token: string }>)).registration_token;
  }

  /** Refused with `host_has_sandboxes` (and their ids) while sandboxes are on it. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(id, new URLSearchParams(), options);
  }

  /** Destroys the host's sandboxes, then the host. */
  async deleteWithSandboxes(id: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(id, new URLSearchParams({ force: "true" }), options);
  }

  async #delete(id: string, query: URLSearchParams, options: CallOptions): Promise<void> {
    const path = route`/v1/hosts/${id}`;
    const request = { method: "DELETE", path, query, repeat: "never", signal: options.signal } as const;
    await this.#transport.send(request, readNothing);
  }
}
