/**
 * Who changed what, when, from where. An entry is written before its change (`begun`) and ended after it: no change goes
 * unseen, also when its control plane dies in the middle. What was refused changed nothing, and is taken out again.
 */
import { randomBytes } from "node:crypto";
import { newId } from "@roost/protocol/ids";
import { type RawBuilder, sql } from "kysely";
import type { Database } from "../db/database.ts";
import { afterCursor, type PageRequest } from "../db/pages.ts";
import { soonDurable } from "../db/soon-durable.ts";
import type { AuditOutcome, AuditRow } from "../db/tables.ts";

export interface AuditEntry {
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly keyId: string | null;
  /** An email, or a key's name. */
  readonly actor: string;
  readonly action: string;
  readonly subject: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly address: string | null;
  readonly requestId: string | null;
}

/** What is known of it only when it is over. */
export interface AuditEnding {
  readonly outcome: Exclude<AuditOutcome, "begun">;
  readonly subject: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export class AuditLog {
  readonly #db: Database;
  readonly #keptDays: number;

  /** @param keptDays 0: for ever. */
  constructor(db: Database, keptDays: number) {
    this.#db = db;
    this.#keptDays = keptDays;
  }

  async begin(entry: AuditEntry): Promise<string> {
    const id = newId("event", randomBytes);
    await insertEntry(this.#db, soonDurable(id), entry, "begun");
    return id;
  }

  /** For what has no one to be written before it, such as a sign-up. */
  async add(entry: AuditEntry): Promise<void> {
    await insertEntry(this.#db, newId("event", randomBytes), entry, "done");
  }

  async end(id: string, { outcome, subject, details }: AuditEnding): Promise<void> {
    await this.#db
      .updateTable("audit_log")
      .set({ outcome, subject, details: JSON.stringify(details) })
      .where("id", "=", id)
      .execute();
  }

  async takeOut(id: string): Promise<void> {
    await this.#db.deleteFrom("audit_log").where("id", "=", id).execute();
  }

  /** A team's, newest first. */
  list(teamId: string, page: PageRequest): Promise<AuditRow[]> {
    return this.#db
      .selectFrom("audit_log")
      .where("team_id", "=", teamId)
      .where(afterCursor(page.after))
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(page.limit)
      .selectAll()
      .execute();
  }

  /** Removes entries that have been kept for as long as they shall be. */
  async sweep(): Promise<void> {
    if (this.#keptDays === 0) return;
    const oldest = sql<Date>`now() - ${this.#keptDays}::float8 * interval '1 day'`;
    await this.#db.deleteFrom("audit_log").where("created_at", "<", oldest).execute();
  }
}

/** As done on the control plane's machine: from no address, by no account. */
export async function auditOnMachine(
  db: Database,
  action: string,
  subject: string,
  details: object = {},
): Promise<void> {
  const nobody = { teamId: null, userId: null, keyId: null, actor: "on the machine", address: null, requestId: null };
  await insertEntry(db, newId("event", randomBytes), { ...nobody, action, subject, details: { ...details } }, "done");
}

async function insertEntry(
  db: Database,
  id: string | RawBuilder<string>,
  entry: AuditEntry,
  outcome: AuditOutcome,
): Promise<void> {
  await db
    .insertInto("audit_log")
    .values({
      id,
      team_id: entry.teamId,
      user_id: entry.userId,
      key_id: entry.keyId,
      actor: entry.actor,
      action: entry.action,
      subject: entry.subject,
      outcome,
      details: JSON.stringify(entry.details),
      address: entry.address,
      request_id: entry.requestId,
    })
    .execute();
}
