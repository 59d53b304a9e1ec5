/**
 * The states of a sandbox's row, and the only statements that change them.
 *
 *     pending → starting → running
 *                  │           │
 *                  └→ error ←──┤        the machine ended by itself, or its host lost it
 *     any of them → stopping → stopped  destroy, never refused
 *
 * A transition is one compare-and-set on the row: of two callers one wins, the other finds that its `from` is over. The host
 * is the truth about what runs, the row about what should; `reconcile.ts` brings them together again.
 *
 * A create that fails takes its row away when its host has certainly nothing of it, else leaves it `stopping`: the next
 * heartbeat of that host finishes the job. (`pausing`, `paused`, `resuming`, `missing` come with pausing and the monitor.)
 */
import { sql } from "kysely";
import { violatesForeignKey } from "../db/constraints.ts";
import type { Database } from "../db/database.ts";
import type { NewSandboxRow, SandboxRow, SandboxStatus } from "../db/tables.ts";

const NOW = sql<Date>`now()`;

const NOT_STOPPED: readonly SandboxStatus[] = [
  "pending",
  "starting",
  "running",
  "pausing",
  "paused",
  "resuming",
  "stopping",
  "missing",
  "error",
];

/** What a host says of a sandbox that runs. */
export interface RunningFacts {
  readonly guestIp: string | null;
}

export class SandboxRows {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  insertPending(row: Omit<NewSandboxRow, "status">): Promise<SandboxRow> {
    return this.#db
      .insertInto("sandboxes")
      .values({ ...row, status: "pending" })
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  /**
   * `pending` or `starting` elsewhere → `starting` on this host.
   * @returns undefined when the sandbox was destroyed meanwhile; `"host-gone"` when the host was deleted meanwhile.
   */
  async assignHost(id: string, hostId: string): Promise<SandboxRow | "host-gone" | undefined> {
    try {
      return await this.#transition(id, ["pending", "starting"], { status: "starting", host_id: hostId });
    } catch (error) {
      if (violatesForeignKey(error, "sandboxes_host_id_fkey")) return "host-gone";
      throw error;
    }
  }

  /** → `running`, also when a heartbeat has said so before; undefined when the sandbox was destroyed meanwhile. */
  markRunning(id: string, hostId: string, facts: RunningFacts): Promise<SandboxRow | undefined> {
    return this.#db
      .updateTable("sandboxes")
      .set({
        status: "running",
        guest_ip: facts.guestIp,
        error: null,
        started_at: sql<Date>`coalesce(started_at, now())`,
        last_active_at: NOW,
        last_updated: NOW,
      })
      .where("id", "=", id)
      .where("host_id", "=", hostId)
      .where("status", "in", ["starting", "running", "missing", "error"])
      .returningAll()
      .executeTakeFirst();
  }

  /** `starting`, `running` or `missing` → `error`. The host keeps the disk; nothing else is left. */
  markFailed(id: string, hostId: string, reason: string): Promise<SandboxRow | undefined> {
    return this.#db
      .updateTable("sandboxes")
      .set({ status: "error", error: reason, guest_ip: null, last_updated: NOW })
      .where("id", "=", id)
      .where("host_id", "=", hostId)
      .where("status", "in", ["starting", "running", "missing"])
      .returningAll()
      .executeTakeFirst();
  }

  /** Any state but `stopped` → `stopping`; one that no host was ever asked for is `stopped` at once. */
  markStopping(id: string): Promise<SandboxRow | undefined> {
    return this.#db
      .updateTable("sandboxes")
      .set((eb) => ({
        status: eb
          .case()
          .when("host_id", "is", null)
          .then("stopped" as const)
          .else("stopping" as const)
          .end(),
        last_updated: NOW,
      }))
      .where("id", "=", id)
      .where("status", "in", NOT_STOPPED)
      .returningAll()
      .executeTakeFirst();
  }

  markStopped(id: string): Promise<SandboxRow | undefined> {
    return this.#transition(id, ["stopping"], { status: "stopped", guest_ip: null, error: null });
  }

  /**
   * Takes a row away whose create failed and left nothing: also `running`, when only the answer to that update was lost. Not
   * one that is being destroyed, whose owner knows its id.
   */
  async removeUnmade(id: string): Promise<void> {
    await this.#db
      .deleteFrom("sandboxes")
      .where("id", "=", id)
      .where("status", "in", ["pending", "starting", "running", "error"])
      .execute();
  }

  /** Takes rows away whose create died, with its control plane, before it had chosen a host. */
  async removeAbandoned(): Promise<void> {
    await this.#db
      .deleteFrom("sandboxes")
      .where("status", "=", "pending")
      .where("last_updated", "<", sql<Date>`now() - interval '1 minute'`)
      .execute();
  }

  /** Why the last step failed, for a row that cannot be taken away yet. */
  async noteError(id: string, reason: string): Promise<void> {
    await this.#db.updateTable("sandboxes").set({ error: reason }).where("id", "=", id).execute();
  }

  /** A sandbox of this team. */
  find(teamId: string, id: string): Promise<SandboxRow | undefined> {
    return this.#db
      .selectFrom("sandboxes")
      .where("id", "=", id)
      .where("team_id", "=", teamId)
      .selectAll()
      .executeTakeFirst();
  }

  /** Notes that a team uses its running sandbox now; undefined when it has no such sandbox, or it does not run. */
  touchRunning(teamId: string, id: string): Promise<SandboxRow | undefined> {
    return this.#db
      .updateTable("sandboxes")
      .set({ last_active_at: NOW })
      .where("id", "=", id)
      .where("team_id", "=", teamId)
      .where("status", "=", "running")
      .returningAll()
      .executeTakeFirst();
  }

  #transition(
    id: string,
    from: readonly SandboxStatus[],
    to: { status: SandboxStatus; host_id?: string; guest_ip?: null; error?: null },
  ): Promise<SandboxRow | undefined> {
    return this.#db
      .updateTable("sandboxes")
      .set({ ...to, last_updated: NOW })
      .where("id", "=", id)
      .where("status", "in", from)
      .returningAll()
      .executeTakeFirst();
  }
}
