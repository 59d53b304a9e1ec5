/** A team's API keys. The key itself is told once, at its making; the row holds its hash and its first characters. */
import { randomBytes } from "node:crypto";
import { RoostError } from "@roost/protocol/errors";
import { newId } from "@roost/protocol/ids";
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { afterCursor, type PageRequest } from "../db/pages.ts";
import { hashToken, newToken } from "../secrets/tokens.ts";

const PREFIX_LENGTH = "rst_".length + 8;
/** `last_used` is true to within this: a busy key does not write a row for every request. */
const LAST_USED_PRECISION = sql<Date>`now() - interval '1 minute'`;

const COLUMNS = ["id", "team_id", "name", "key_prefix", "created_at", "last_used"] as const;

export class ApiKeys {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async create(teamId: string, createdBy: string, name: string) {
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

  /** @throws RoostError `not_found` when the team has no such key. */
  async remove(teamId: string, id: string): Promise<void> {
    const { numDeletedRows } = await this.#db
      .deleteFrom("team_api_keys")
      .where("team_id", "=", teamId)
      .where("id", "=", id)
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw new RoostError("not_found", "There is no such API key.");
  }

  /** The team that a key opens; undefined for one that was never made, or was deleted. */
  async teamOf(key: string): Promise<string | undefined> {
    const key_hash = hashToken(key);
    const row = await this.#db
      .selectFrom("team_api_keys")
      .where("key_hash", "=", key_hash)
      .select([
        "team_id",
        (eb) => eb.or([eb("last_used", "is", null), eb("last_used", "<", LAST_USED_PRECISION)]).as("stale"),
      ])
      .executeTakeFirst();
    if (row?.stale) {
      await this.#db
        .updateTable("team_api_keys")
        .set({ last_used: sql<Date>`now()` })
        .where("key_hash", "=", key_hash)
        .execute();
    }
    return row?.team_id;
  }
}
