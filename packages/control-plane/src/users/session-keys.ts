/**
 * The keys that sign sessions. Each has a name (`kid`), whose row says that it counts; the key itself is derived from
 * ROOST_SECRET and that name, so the database alone signs nothing. A new one is taken into use every 30 days; the one before stays
 * good for as long as a session that it signed lasts. Without its row a key is worth nothing, at once and for every control plane.
 */
import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { type Database, type DatabaseTransaction, lockForTransaction } from "../db/database.ts";
import { deriveKey } from "../secrets/derive.ts";
import type { SigningKeys } from "../secrets/signed-tokens.ts";

const KID = /^[a-z2-7]{20}$/;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const IN_USE = sql<Date>`now() - interval '30 days'`;
/** A day more than the youngest session that it may have signed lasts. */
const WORTHLESS = sql<Date>`now() - interval '32 days'`;

export class SessionKeys implements SigningKeys {
  readonly #db: Database;
  readonly #secret: Buffer;

  constructor(db: Database, secret: Buffer) {
    this.#db = db;
    this.#secret = secret;
  }

  /** The newest; a new one when there is none, or it has been in use for long enough. */
  async current(): Promise<{ kid: string; key: Uint8Array }> {
    const kid = (await newestInUse(this.#db)) ?? (await this.#first());
    return { kid, key: this.#derive(kid) };
  }

  /** That its row is there is looked up together with the rest of what a session claims. */
  named(kid: string | undefined): Uint8Array | undefined {
    return kid !== undefined && KID.test(kid) ? this.#derive(kid) : undefined;
  }

  /** Removes the names of keys of which no session can be left. */
  async sweep(): Promise<void> {
    await this.#db.deleteFrom("session_keys").where("created_at", "<", WORTHLESS).execute();
  }

  /** Of several that find none at the same moment, one makes it. */
  #first(): Promise<string> {
    return this.#db.transaction().execute(async (trx) => {
      await lockForTransaction(trx, "session-keys");
      return (await newestInUse(trx)) ?? insertKey(trx);
    });
  }

  #derive(kid: string): Uint8Array {
    return deriveKey(this.#secret, `session-token/${kid}`);
  }
}

/** From now on sessions are signed with a new key; those that are open stay open. */
export function rotateSessionKey(db: Database): Promise<string> {
  return db.transaction().execute(insertKey);
}

/** Ends every session of everyone, at once. */
export async function endAllSessions(db: Database): Promise<void> {
  await db.deleteFrom("session_keys").execute();
}

async function newestInUse(db: Database): Promise<string | undefined> {
  const row = await db
    .selectFrom("session_keys")
    .where("created_at", ">", IN_USE)
    .orderBy("created_at", "desc")
    .orderBy("kid")
    .limit(1)
    .select("kid")
    .executeTakeFirst();
  return row?.kid;
}

async function insertKey(trx: DatabaseTransaction): Promise<string> {
  const kid = Array.from(randomBytes(20), (byte) => ALPHABET[byte & 31]).join("");
  await trx.insertInto("session_keys").values({ kid }).execute();
  return kid;
}
