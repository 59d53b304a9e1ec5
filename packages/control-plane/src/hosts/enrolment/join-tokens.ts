/** The one-time tokens with which a machine joins: good for an hour, and for one host. */
import { RoostError } from "@roost/protocol/errors";
import { sql } from "kysely";
import type { Database, DatabaseTransaction } from "../../db/database.ts";
import { hashToken, newToken } from "../../secrets/tokens.ts";

const LIFETIME = sql<Date>`now() + interval '1 hour'`;

/** A new token for a host that has not joined; what was issued before for it is void. */
export async function issueJoinToken(trx: DatabaseTransaction, hostId: string, createdBy: string): Promise<string> {
  const token = newToken("rsth_");
  await trx.deleteFrom("host_tokens").where("host_id", "=", hostId).where("used_at", "is", null).execute();
  await trx
    .insertInto("host_tokens")
    .values({ host_id: hostId, token_hash: hashToken(token), created_by: createdBy, expires_at: LIFETIME })
    .execute();
  return token;
}

/** Whether this token would let a machine join now. Only `consumeJoinToken` decides. */
export async function isJoinToken(db: Database, token: string): Promise<boolean> {
  const row = await db
    .selectFrom("host_tokens")
    .where("token_hash", "=", hashToken(token))
    .where("used_at", "is", null)
    .where("expires_at", ">", sql<Date>`now()`)
    .select("id")
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Uses the token up, if the transaction commits, and says which host it is for. Of two at once one waits for the other.
 * @throws RoostError `unauthorized` when it is wrong, expired or used.
 */
export async function consumeJoinToken(trx: DatabaseTransaction, token: string): Promise<string> {
  const row = await trx
    .updateTable("host_tokens")
    .set({ used_at: sql<Date>`now()` })
    .where("token_hash", "=", hashToken(token))
    .where("used_at", "is", null)
    .where("expires_at", ">", sql<Date>`now()`)
    .returning("host_id")
    .executeTakeFirst();
  if (!row) throw joinRefused();
  return row.host_id;
}

export function joinRefused(): RoostError {
  return new RoostError("unauthorized", "This registration token is wrong, expired or used; ask for a new one.");
}
