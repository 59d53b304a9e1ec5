/** Snapshots of one's team's sandboxes, from which others are made, and the base images beside them. */
import type { CallOptions } from "./call-options.ts";
import { readJson, readNothing } from "./http/answer.ts";
import { pages } from "./http/pages.ts";
import { route } from "./http/route.ts";
import { jsonBody, type Transport } from "./http/transport.ts";
import { randomName } from "./random-name.ts";
import type { CreateOptions } from "./sandboxes.ts";
import { type Template, type TemplateType, type TemplateWire, templateFromWire } from "./template-info.ts";

export interface NewSnapshot {
  /** Lower-case letters, digits and hyphens. Default: made up by the server. */
  readonly name?: string | undefined;
  /** What the sandbox is afterwards. Default `paused`. */
  readonly leave?: "paused" | "running" | undefined;
  /** Replace the team's snapshot of this name; it stays until the new one is whole. Default false: then that is a conflict. */
  readonly overwrite?: boolean | undefined;
}

export interface ListSnapshots extends CallOptions {
  /** Default: both. */
  readonly type?: TemplateType | undefined;
  /** How many the server sends at once, at most 100; the list itself has no end but its own. */
  readonly pageSize?: number | undefined;
}

export class Snapshots {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** A snapshot of a sandbox that runs or is paused, ready to make others from: `sandboxes.create({ template: name })`. */
  async create(sandboxId: string, wanted: NewSnapshot = {}, options: CreateOptions = {}): Promise<Template> {
    const query = new URLSearchParams();
    if (wanted.overwrite !== undefined) query.set("overwrite", String(wanted.overwrite));
    const request = {
      method: "POST",
      path: "/v1/snapshots",
      query,
      body: jsonBody({ sandbox_id: sandboxId, name: wanted.name, leave: wanted.leave }),
      idempotencyKey: options.idempotencyKey ?? randomName(),
      repeat: "safe",
      signal: options.signal,
    } as const;
    return templateFromWire(await this.#transport.send(request, readJson<TemplateWire>));
  }

  /** All that sandboxes can be made from, newest first, page by page. */
  async *list(filter: ListSnapshots = {}): AsyncGenerator<Template> {
    const query = new URLSearchParams();
    if (filter.type !== undefined) query.set("type", filter.type);
    if (filter.pageSize !== undefined) query.set("limit", String(filter.pageSize));
    const first = { path: "/v1/snapshots", query, signal: filter.signal };
    for await (const wire of pages<TemplateWire>(this.#transport, first)) yield templateFromWire(wire);
  }

  /** Sandboxes that were made from it live on. */
  async delete(name: string, options: CallOptions = {}): Promise<void> {
    const path = route`/v1/snapshots/${name}`;
    const request = { method: "DELETE", path, repeat: "never", signal: options.signal } as const;
    await this.#transport.send(request, readNothing);
  }
}
