/** Named snapshots of a team's sandboxes: templates that others are made from. */
import type { Database } from "../db/database.ts";
import type { PageRequest } from "../db/pages.ts";
import type { TemplateRow, TemplateType } from "../db/tables.ts";
import type { HostAgentClient, HostTarget } from "../hosts/hosts.ts";
import type { Background, Log, Sandboxes } from "../sandboxes/sandboxes.ts";
import type { TeamLimits } from "../teams/limits.ts";
import { findTemplateById, listTemplates } from "../templates/templates.ts";
import { createSnapshot, type NewSnapshot } from "./create.ts";
import { deleteSnapshot } from "./delete.ts";
import { SnapshotSweeps } from "./sweeps.ts";

export type { NewSnapshot } from "./create.ts";

export interface SnapshotsParts {
  readonly db: Database;
  readonly clients: { get(host: HostTarget): Promise<HostAgentClient> };
  readonly sandboxes: Pick<Sandboxes, "snapshot">;
  readonly limits: Pick<TeamLimits, "lookForRoom" | "requireRoom">;
  readonly background: Background;
  readonly log: Log;
  /** How often, at most, a host is asked which snapshots it has. */
  readonly sweepIntervalMs: number;
}

/** Each call names the team that asks: nothing of another team's is found. Errors are described where they arise. */
export class Snapshots {
  readonly #parts: SnapshotsParts;
  readonly #sweeps: SnapshotSweeps;

  constructor(parts: SnapshotsParts) {
    this.#parts = parts;
    this.#sweeps = new SnapshotSweeps(parts);
  }

  create(teamId: string, wanted: NewSnapshot): Promise<TemplateRow> {
    return createSnapshot(this.#parts, teamId, wanted);
  }

  /** Base images and the team's snapshots, or those of one type, newest first. */
  list(teamId: string, type: TemplateType | undefined, page: PageRequest): Promise<TemplateRow[]> {
    return listTemplates(this.#parts.db, teamId, type, page);
  }

  find(teamId: string, id: string): Promise<TemplateRow | undefined> {
    return findTemplateById(this.#parts.db, teamId, id);
  }

  delete(teamId: string, name: string): Promise<void> {
    return deleteSnapshot(this.#parts, teamId, name);
  }

  /** To be called when a host is heard of: deletes on it, in the background, what it should have been told to delete. */
  hostIsThere(hostId: string): void {
    this.#sweeps.hostIsThere(hostId);
  }
}
