/** A team's API keys. The key itself is told once, at its making; the row holds its hash and its first characters. */
import { randomBytes } from "node:crypto";
import { RoostError } from "@roost/protocol/errors";
import { newId } from "@roost/protocol/ids";
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { afterCursor, type PageRequest } from "../db/pages.ts";
import type { TeamRole } from "../db/tables.ts";
import { hashToken, newToken } from "../secrets/tokens.ts";
import { isAtLeast } from "../teams/teams.ts";

const PREFIX_LENGTH = "rst_".length + 8;
const NOW = sql<Date>`now()`;
/** `last_used` is true to within this: a busy key does not write a row for every request. */
const LAST_USED_PRECISION = sql<Date>`now() - interval '1 minute'`;

const COLUMNS = ["id", "team_id", "name", "key_prefix", "created_by", "created_at", "last_used", "expires_at"] as const;

export interface NewApiKey {
  readonly name: string;
  /** Null: never. */
  readonly expiresAt: Date | null;
}

/** What a key opens, and as whom. */
export interface KeyHolder {
  readonly teamId: string;
  readonly keyId: string;
  readonly keyName: string;
}

/** Who wants to delete a key. */
export interface Remover {
  readonly userId: string;
  readonly role: TeamRole;
}

export class ApiKeys {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** @throws RoostError `invalid_request` when it would end before it began. */
  async create(teamId: string, createdBy: string, { name, expiresAt }: NewApiKey) {
    if (expiresAt && expiresAt.getTime() <= Date.now()) {
      throw new RoostError("invalid_request", "expires_at must lie in the future.");
    }
    const key = newToken("rst_");
    const row = await this.#db
      .insertInto("team_api_keys")
      .values({
        id: newId("apiKey", randomBytes),
        team_id: teamId,
        name,
        key_hash: hashToken(key),
        key_prefix: key.slice(0, PREFIX_LENGTH),
        created_by: createdBy,
        expires_at: expiresAt,
      })
      .returning(COLUMNS)
      .executeTakeFirstOrThrow();
    return { ...row, key };
  }

  /** Newest first. */
  list(teamId: string, page: PageRequest) {
    return this.#db
      .selectFrom("team_api_keys")
      .where("team_id", "=", teamId)
      .where(afterCursor(page.after))
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(page.limit)
      .select(COLUMNS)
      .execute();
  }

  /**
   * Members delete their own keys, admins and owners any of the team's.
   * @throws RoostError `not_found` when the team has no such key, `forbidden`.
   */
  async remove(teamId: string, by: Remover, id: string): Promise<void> {
    const key = await this.#db
      .selectFrom("team_api_keys")
      .where("team_id", "=", teamId)
      .where("id", "=", id)
      .select("created_by")
      .executeTakeFirst();
    if (!key) throw noSuchKey();
    if (key.created_by !== by.userId && !isAtLeast(by.role, "admin")) {
      throw new RoostError("forbidden", "Only owners and admins of the team may delete others' keys.");
    }
    const { numDeletedRows } = await this.#db.deleteFrom("team_api_keys").where("id", "=", id).executeTakeFirst();
    if (numDeletedRows === 0n) throw noSuchKey();
  }

  /** What a key opens; undefined for one that was never made, was deleted, or has ended. */
  async holderOf(key: string): Promise<KeyHolder | undefined> {
    const key_hash = hashToken(key);
    const row = await this.#db
      .selectFrom("team_api_keys")
      .where("key_hash", "=", key_hash)
      .where((eb) => eb.or([eb("expires_at", "is", null), eb("expires_at", ">", NOW)]))
      .select([
        "id",
        "team_id",
        "name",
        (eb) => eb.or([eb("last_used", "is", null), eb("last_used", "<", LAST_USED_PRECISION)]).as("stale"),
      ])
      .executeTakeFirst();
    if (row?.stale) {
      await this.#db.updateTable("team_api_keys").set({ last_used: NOW }).where("id", "=", row.id).execute();
    }
    return row && { teamId: row.team_id, keyId: row.id, keyName: row.name };
  }
}

function noSuchKey(): RoostError {
  return new RoostError("not_found", "There is no such API key.");
}
