/** The files' tree of a sandbox: what is where, making, moving, removing. */
import type { CallOptions } from "@connectrpc/connect";
import { RoostError } from "@roost/protocol/errors";
import type { FileEntry } from "@roost/protocol/hostagent";
import { asHostError, type HostAgentClient } from "../hosts/hosts.ts";
import type { FilePlace } from "./files.ts";
import { clientOfRunning } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";

/** Removing or moving a large folder is a lot of work for a guest. */
const TIMEOUT_MS = 150_000;

/**
 * Each call names the team that asks. All
 * @throws RoostError `not_found` (also: no such file), `not_running`, `invalid_request`, `conflict`, `disk_full`, `host_unavailable`, …
 */
export class SandboxFileTree {
  readonly #parts: SandboxParts;

  constructor(parts: SandboxParts) {
    this.#parts = parts;
  }

  /** Depth first, sorted by name. @throws also `payload_too_large`. */
  async list(
    teamId: string,
    id: string,
    place: FilePlace,
    depth: number,
    signal: AbortSignal,
  ): Promise<readonly FileEntry[]> {
    const target = targetOf(id, place);
    const call = (client: HostAgentClient, options: CallOptions) => client.listFiles({ target, depth }, options);
    return (await this.#ask(teamId, id, signal, call)).entries;
  }

  async stat(teamId: string, id: string, place: FilePlace, signal: AbortSignal): Promise<FileEntry> {
    const target = targetOf(id, place);
    return entryOf(await this.#ask(teamId, id, signal, (client, options) => client.statFile({ target }, options)));
  }

  async makeDirectory(teamId: string, id: string, place: FilePlace, signal: AbortSignal): Promise<FileEntry> {
    const target = targetOf(id, place);
    return entryOf(await this.#ask(teamId, id, signal, (client, options) => client.makeDirectory({ target }, options)));
  }

  /** With all below it; content if there is nothing. */
  async remove(teamId: string, id: string, place: FilePlace, signal: AbortSignal): Promise<void> {
    const target = targetOf(id, place);
    await this.#ask(teamId, id, signal, (client, options) => client.removeFile({ target }, options));
  }

  async move(
    teamId: string,
    id: string,
    place: FilePlace,
    destination: string,
    signal: AbortSignal,
  ): Promise<FileEntry> {
    const request = { target: targetOf(id, place), destination };
    return entryOf(await this.#ask(teamId, id, signal, (client, options) => client.moveFile(request, options)));
  }

  async #ask<T>(
    teamId: string,
    id: string,
    signal: AbortSignal,
    call: (client: HostAgentClient, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const client = await clientOfRunning(this.#parts, teamId, id);
    try {
      return await call(client, { signal, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      throw asHostError(error);
    }
  }
}

export function targetOf(sandboxId: string, place: FilePlace) {
  return { sandboxId, path: place.path, user: place.user ?? "" };
}

function entryOf({ entry }: { readonly entry?: FileEntry | undefined }): FileEntry {
  if (entry) return entry;
  throw new RoostError("host_failed", "The host did not say what is there now.");
}
