/**
 * `Idempotency-Key`: a repeated POST makes one thing, not two, also when the first answer was lost.
 *
 * A key remembers, per team and for a day, what was asked, the id of the thing to be made (chosen before it is made), and
 * the answer. When a control plane dies between making and answering, the id tells whether the thing is there.
 */
import { createHash } from "node:crypto";
import { RoostError } from "@roost/protocol/errors";
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { soonDurable } from "../db/soon-durable.ts";

const NOW = sql<Date>`now()`;
const A_DAY_AGO = sql<Date>`now() - interval '24 hours'`;

export interface KeyedRequest {
  readonly teamId: string;
  readonly key: string;
  readonly route: string;
  /** All that was asked, as parsed, with defaults: the order of members does not matter. */
  readonly body: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** How the request goes on. */
export type Beginning =
  /** Nobody asked before: make the thing with this id, then call `finish` or `forget`. */
  | { readonly kind: "first"; readonly subjectId: string }
  /** The first answer, to be given again. */
  | { readonly kind: "answered"; readonly answer: Answer }
  /** Asked before and not answered: under way, or its answer was lost. The thing has, or would have, this id. */
  | { readonly kind: "unanswered"; readonly subjectId: string; readonly startedMsAgo: number };

export class IdempotencyKeys {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** @throws RoostError `conflict` when the key was used for something else. */
  async begin(request: KeyedRequest, newSubjectId: () => string): Promise<Beginning> {
    const { teamId: team_id, key, route } = request;
    const body_hash = hashBody(request.body);
    await this.#forgetIfOld(team_id, key);
    const subject_id = newSubjectId();
    const inserted = await this.#db
      .insertInto("idempotency_keys")
      .values({ team_id, key, route, body_hash, subject_id: soonDurable(subject_id), status: null, answer: null })
      .onConflict((conflict) => conflict.columns(["team_id", "key"]).doNothing())
      .returning("subject_id")
      .executeTakeFirst();
    if (inserted) return { kind: "first", subjectId: subject_id };
    const present = await this.#db
      .selectFrom("idempotency_keys")
      .where("team_id", "=", team_id)
      .where("key", "=", key)
      .selectAll()
      .select(sql<number>`extract(epoch from now() - started_at)::float8 * 1000`.as("startedMsAgo"))
      .executeTakeFirst();
    // Its first request failed at this very moment and took the key back.
    if (!present) return this.begin(request, newSubjectId);
    if (present.route !== route || !present.body_hash.equals(body_hash)) {
      throw new RoostError("conflict", "This Idempotency-Key was used for another request; take a new one.");
    }
    if (present.status !== null) {
      return { kind: "answered", answer: { status: present.status, body: present.answer } };
    }
    return { kind: "unanswered", subjectId: present.subject_id, startedMsAgo: present.startedMsAgo };
  }

  /** Claims an unanswered key whose first request certainly goes on no more. Of two that try, one gets it. */
  async takeOver(teamId: string, key: string, olderThanMs: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("idempotency_keys")
      .set({ started_at: NOW })
      .where("team_id", "=", teamId)
      .where("key", "=", key)
      .where("status", "is", null)
      .where("started_at", "<", sql<Date>`now() - ${olderThanMs}::float8 * interval '1 millisecond'`)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  /** Keeps the answer. */
  async finish(teamId: string, key: string, answer: Answer): Promise<void> {
    await this.#db
      .updateTable("idempotency_keys")
      .set({ status: answer.status, answer: JSON.stringify(answer.body) })
      .where("team_id", "=", teamId)
      .where("key", "=", key)
      .execute();
  }

  /** The request failed for a reason of ours (5xx): it may be tried again with the same key. */
  async forget(teamId: string, key: string): Promise<void> {
    await this.#db.deleteFrom("idempotency_keys").where("team_id", "=", teamId).where("key", "=", key).execute();
  }

  /** Removes what is older than a day. */
  async sweep(): Promise<void> {
    await this.#db.deleteFrom("idempotency_keys").where("created_at", "<", A_DAY_AGO).execute();
  }

  async #forgetIfOld(teamId: string, key: string): Promise<void> {
    await this.#db
      .deleteFrom("idempotency_keys")
      .where("team_id", "=", teamId)
      .where("key", "=", key)
      .where("created_at", "<", A_DAY_AGO)
      .execute();
  }
}

function hashBody(body: unknown): Buffer {
  return createHash("sha256").update(canonical(body)).digest();
}

/** JSON with members in order of their names. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}
