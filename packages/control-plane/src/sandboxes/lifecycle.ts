/**
 * The states of a sandbox's row, and the only statements that change them.
 *
 *     pending → starting → running → pausing → paused
 *                             ↑                   │
 *                             └──── resuming ←────┴──── error
 *
 *     any but pending → error                its machine ended by itself, or its host lost it
 *     any of them → stopping → stopped       destroy, never refused
 *
 * A transition is one compare-and-set on the row: of two callers one wins, the other finds that its `from` is over. The host
 * is the truth about what runs, the row about what should; `reconcile.ts` brings them together again.
 *
 *   create   A create that fails takes its row away when its host has certainly nothing of it, else leaves it `stopping`: the
 *            next heartbeat of that host finishes the job.
 *   pause    `pausing` while the host works. Should that fail, the row becomes what the host says the sandbox is now, mostly
 *            `running` again; of a host that does not answer, what it was before. Hosts pause idle sandboxes by themselves:
 *            `running` turns `paused` then, by their heartbeats.
 *   resume   The same with `resuming`; a failure leaves `paused`, or `error`, as it was.
 *   snapshot Of a running sandbox a pause, and, when it shall go on running, a resume; a paused one stays `paused`.
 *
 * A control plane that dies in the middle leaves `pausing` or `resuming`; the next heartbeats tell how it ended (`reconcile.ts`).
 * (`missing` comes with the monitor.)
 */
import { type RawBuilder, sql, type UpdateObject } from "kysely";
import { violatesForeignKey } from "../db/constraints.ts";
import type { Database } from "../db/database.ts";
import { soonDurable } from "../db/soon-durable.ts";
import type { NewSandboxRow, SandboxRow, SandboxStatus, Tables } from "../db/tables.ts";
import type { TeamLimits } from "../teams/limits.ts";
import type { Observed } from "./observed.ts";

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

/** A row as somebody has read it. A change that builds on it holds only while the row is still the same. */
export type Seen = Pick<SandboxRow, "id" | "status" | "last_updated">;

/** Of the row that is meant; `soonDurable` when its change need not wait for the disk. */
type Id = string | RawBuilder<string>;

/** What a transition sets. */
type Change = UpdateObject<Tables, "sandboxes">;

function changeTo(observed: Observed): Change {
  switch (observed.state) {
    case "running":
      return {
        status: "running",
        guest_ip: observed.guestIp,
        error: null,
        started_at: sql<Date>`coalesce(started_at, now())`,
        last_active_at: NOW,
      };
    case "paused":
      return { status: "paused", guest_ip: null, error: null };
    case "error":
      return { status: "error", guest_ip: null, error: observed.reason };
  }
}

/** What a sandbox takes of its team's share while it is on a host. */
function held({ vcpus, memory_mb }: Pick<SandboxRow, "vcpus" | "memory_mb">) {
  return { vcpus, memory_mb };
}

export class SandboxRows {
  readonly #db: Database;
  readonly #limits: Pick<TeamLimits, "requireRoom">;

  constructor(db: Database, limits: Pick<TeamLimits, "requireRoom">) {
    this.#db = db;
    this.#limits = limits;
  }

  /**
   * @returns undefined when the template was deleted meanwhile.
   * @throws RoostError `limit_reached`.
   */
  async insertPending(row: Omit<NewSandboxRow, "status">): Promise<SandboxRow | undefined> {
    try {
      return await this.#db.transaction().execute(async (trx) => {
        await this.#limits.requireRoom(trx, row.team_id, { sandboxes: 1, ...held(row) });
        const values = { ...row, id: soonDurable(row.id), status: "pending" as const };
        return trx.insertInto("sandboxes").values(values).returningAll().executeTakeFirstOrThrow();
      });
    } catch (error) {
      if (violatesForeignKey(error, "sandboxes_template_id_fkey")) return undefined;
      throw error;
    }
  }

  /**
   * `pending` or `starting` elsewhere → `starting` on this host.
   * @returns undefined when the sandbox was destroyed meanwhile; `"host-gone"` when the host was deleted meanwhile.
   */
  async assignHost(id: string, hostId: string): Promise<SandboxRow | "host-gone" | undefined> {
    try {
      const from = ["pending", "starting"] as const;
      return await this.#transition(soonDurable(id), from, { status: "starting", host_id: hostId });
    } catch (error) {
      if (violatesForeignKey(error, "sandboxes_host_id_fkey")) return "host-gone";
      throw error;
    }
  }

  /** `starting` → `running`, also when a heartbeat has said so before; undefined when it is something else by now. */
  markRunning(id: string, hostId: string, guestIp: string | null): Promise<SandboxRow | undefined> {
    return this.#db
      .updateTable("sandboxes")
      .set({ ...changeTo({ state: "running", guestIp }), last_updated: NOW })
      .where("id", "=", id)
      .where("host_id", "=", hostId)
      .where("status", "in", ["starting", "running", "missing", "error"])
      .returningAll()
      .executeTakeFirst();
  }

  /**
   * `running` or `paused` or `error` → a state between two. Undefined when the row is not what was seen any more.
   * @throws RoostError `limit_reached` when it would wake.
   */
  begin(seen: SandboxRow, status: "pausing" | "resuming"): Promise<SandboxRow | undefined> {
    const change = { status, error: null };
    if (status === "pausing") return this.#compareAndSet(this.#db, seen, change, soonDurable(seen.id));
    return this.#db.transaction().execute(async (trx) => {
      await this.#limits.requireRoom(trx, seen.team_id, held(seen));
      return this.#compareAndSet(trx, seen, change, soonDurable(seen.id));
    });
  }

  /** → what the host says it is. Undefined when the row is not what was seen any more. */
  follow(seen: Seen, observed: Observed): Promise<SandboxRow | undefined> {
    return this.#compareAndSet(this.#db, seen, changeTo(observed));
  }

  /** Back to what it was before a step of which nobody knows whether it was taken. */
  takeBack(seen: Seen, before: SandboxRow): Promise<SandboxRow | undefined> {
    return this.#compareAndSet(this.#db, seen, { status: before.status, error: before.error });
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
      .where("id", "=", soonDurable(id))
      .where("team_id", "=", teamId)
      .where("status", "=", "running")
      .returningAll()
      .executeTakeFirst();
  }

  #transition(id: Id, from: readonly SandboxStatus[], to: Change): Promise<SandboxRow | undefined> {
    return this.#db
      .updateTable("sandboxes")
      .set({ ...to, last_updated: NOW })
      .where("id", "=", id)
      .where("status", "in", from)
      .returningAll()
      .executeTakeFirst();
  }

  #compareAndSet(db: Database, seen: Seen, to: Change, id: Id = seen.id): Promise<SandboxRow | undefined> {
    return db
      .updateTable("sandboxes")
      .set({ ...to, last_updated: NOW })
      .where("id", "=", id)
      .where("status", "=", seen.status)
      .where("last_updated", "=", seen.last_updated)
      .returningAll()
      .executeTakeFirst();
  }
}
