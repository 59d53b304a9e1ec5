/** The sandboxes of one's team: make one, find one, list them. */
import type { CallOptions } from "./call-options.ts";
import { readJson } from "./http/answer.ts";
import { pages } from "./http/pages.ts";
import { route } from "./http/route.ts";
import { jsonBody, type Transport } from "./http/transport.ts";
import { randomName } from "./random-name.ts";
import { Sandbox } from "./sandbox.ts";
import { type SandboxStatus, type SandboxWire, sandboxFromWire } from "./sandbox-info.ts";

/** What a new sandbox shall be; what is left out is the server's choice, given here. */
export interface NewSandbox {
  /** A base image or a snapshot. Default `minimal`. */
  readonly template?: string | undefined;
  /** Default 1. A snapshot's own count wins. */
  readonly vcpus?: number | undefined;
  /** Default 512. A snapshot's own size wins. */
  readonly memoryMb?: number | undefined;
  /** Pause when idle for so long. Default 0: never. */
  readonly timeoutSec?: number | undefined;
  /** For every command in it. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** For finding it again. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Default true. False: no network beyond its host, no names. */
  readonly internet?: boolean | undefined;
}

export interface CreateOptions extends CallOptions {
  /** Two creates with one key make one sandbox. Default: a new key each time, so that retries make only one. */
  readonly idempotencyKey?: string | undefined;
}

export interface ListSandboxes extends CallOptions {
  /** Only these. Default: all but the stopped. */
  readonly status?: SandboxStatus | readonly SandboxStatus[] | undefined;
  /** Only those that have all of these. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** How many the server sends at once, at most 100; the list itself has no end but its own. */
  readonly pageSize?: number | undefined;
}

export class Sandboxes {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** A new sandbox, ready for its first command. */
  async create(wanted: NewSandbox = {}, options: CreateOptions = {}): Promise<Sandbox> {
    const body = jsonBody({
      template: wanted.template,
      vcpus: wanted.vcpus,
      memory_mb: wanted.memoryMb,
      timeout_sec: wanted.timeoutSec,
      env: wanted.env,
      metadata: wanted.metadata,
      internet: wanted.internet,
    });
    const request = {
      method: "POST",
      path: "/v1/sandboxes",
      body,
      idempotencyKey: options.idempotencyKey ?? randomName(),
      repeat: "safe",
      signal: options.signal,
    } as const;
    return this.#sandbox(await this.#transport.send(request, readJson<SandboxWire>));
  }

  async get(id: string, options: CallOptions = {}): Promise<Sandbox> {
    const path = route`/v1/sandboxes/${id}`;
    const request = { method: "GET", path, repeat: "safe", signal: options.signal } as const;
    return this.#sandbox(await this.#transport.send(request, readJson<SandboxWire>));
  }

  /** All of them, newest first, page by page: `for await (const sandbox of roost.sandboxes.list())`. */
  async *list(filter: ListSandboxes = {}): AsyncGenerator<Sandbox> {
    const query = new URLSearchParams();
    for (const status of [filter.status ?? []].flat()) query.append("status", status);
    for (const [key, value] of Object.entries(filter.metadata ?? {})) query.set(`metadata.${key}`, value);
    if (filter.pageSize !== undefined) query.set("limit", String(filter.pageSize));
    const first = { path: "/v1/sandboxes", query, signal: filter.signal };
    for await (const wire of pages<SandboxWire>(this.#transport, first)) yield this.#sandbox(wire);
  }

  #sandbox(wire: SandboxWire): Sandbox {
    return new Sandbox(this.#transport, sandboxFromWire(wire));
  }
}
