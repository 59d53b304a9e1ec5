/**
 * A host's refresh tokens, in a chain: each refresh makes a successor.
 *
 *     unused ──first use──▶ current ──first use of the successor──▶ superseded
 *       └──asked again with its predecessor──▶ voided
 *     superseded, then used again: stolen. The whole chain is revoked and the host locked out.
 *
 * A token stays valid until its successor is first used (in a heartbeat or a refresh), for only then has the host certainly
 * stored it: a crash or a lost answer at any moment locks nobody out. Callers hold the host's row locked.
 */
import { sql } from "kysely";
import type { Database, DatabaseTransaction } from "../../db/database.ts";
import type { RefreshTokenRow } from "../../db/tables.ts";
import { hashToken, newToken } from "../../secrets/tokens.ts";
import type { HostPermit } from "./host-permits.ts";

const NOW = sql<Date>`now()`;
const LIFETIME = sql<Date>`now() + interval '60 days'`;

export interface IssuedRefreshToken {
  readonly id: number;
  readonly token: string;
}

/** A new token. Another unused successor of the same predecessor, whose answer must have been lost, is void from now on. */
export async function issueRefreshToken(
  trx: DatabaseTransaction,
  hostId: string,
  predecessorId?: number,
): Promise<IssuedRefreshToken> {
  if (predecessorId !== undefined) {
    await trx
      .updateTable("host_refresh_tokens")
      .set({ revoked_at: NOW, revoked_reason: "voided" })
      .where("predecessor_id", "=", predecessorId)
      .where("first_used_at", "is", null)
      .where("revoked_at", "is", null)
      .execute();
  }
  const token = newToken("rstr_");
  const { id } = await trx
    .insertInto("host_refresh_tokens")
    .values({
      host_id: hostId,
      token_hash: hashToken(token),
      predecessor_id: predecessorId ?? null,
      expires_at: LIFETIME,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return { id, token };
}

export function refreshTokenByValue(db: Database, token: string): Promise<RefreshTokenRow | undefined> {
  return db.selectFrom("host_refresh_tokens").where("token_hash", "=", hashToken(token)).selectAll().executeTakeFirst();
}

/** The token, unless it is expired or revoked. */
export function usableToken(db: Database, token: string): Promise<RefreshTokenRow | undefined> {
  return db
    .selectFrom("host_refresh_tokens")
    .where("token_hash", "=", hashToken(token))
    .where("revoked_at", "is", null)
    .where("expires_at", ">", NOW)
    .selectAll()
    .executeTakeFirst();
}

/** The token that a host's permit came with, unless it is revoked. */
export function unrevokedToken(db: Database, permit: HostPermit): Promise<RefreshTokenRow | undefined> {
  return db
    .selectFrom("host_refresh_tokens")
    .where("id", "=", permit.refreshTokenId)
    .where("host_id", "=", permit.hostId)
    .where("revoked_at", "is", null)
    .selectAll()
    .executeTakeFirst();
}

/** Marks a token's first use, which supersedes all that came before it. */
export async function markUsed(trx: DatabaseTransaction, token: RefreshTokenRow): Promise<void> {
  if (token.first_used_at !== null) return;
  await trx.updateTable("host_refresh_tokens").set({ first_used_at: NOW }).where("id", "=", token.id).execute();
  await trx
    .updateTable("host_refresh_tokens")
    .set({ revoked_at: NOW, revoked_reason: "superseded" })
    .where("host_id", "=", token.host_id)
    .where("id", "<", token.id)
    .where("revoked_at", "is", null)
    .execute();
}

/** Nobody refreshes with any of the host's tokens any more, nor sends a heartbeat with what they gave. */
export async function revokeAll(trx: DatabaseTransaction, hostId: string): Promise<void> {
  await trx
    .updateTable("host_refresh_tokens")
    .set({ revoked_at: NOW, revoked_reason: "stolen" })
    .where("host_id", "=", hostId)
    .where("revoked_at", "is", null)
    .execute();
}
