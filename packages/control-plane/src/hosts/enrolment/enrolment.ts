/** How a machine becomes a host, and how it stays one: joining, refreshing, being recognised. */
import { RoostError } from "@roost/protocol/errors";
import { sql } from "kysely";
import type { Database, DatabaseTransaction } from "../../db/database.ts";
import type { HostRow } from "../../db/tables.ts";
import type { CertificateAuthority } from "../ca/authority.ts";
import type { HostPermits } from "./host-permits.ts";
import { consumeJoinToken, isJoinToken } from "./join-tokens.ts";
import {
  issueRefreshToken,
  markUsed,
  refreshTokenByValue,
  revokeAll,
  unrevokedToken,
  usableToken,
} from "./refresh-tokens.ts";

const NOW = sql<Date>`now()`;

/** What a machine says of itself when it joins. */
export interface MachineFacts {
  readonly address: string;
  readonly arch: string;
  readonly cpu_cores: number;
  readonly memory_mb: number;
  readonly disk_gb: number;
  readonly vmm: { readonly name: string; readonly version: string; readonly accelerator: string };
  readonly disk_driver: string;
}

export interface Credentials {
  readonly token: string;
  readonly refreshToken: string;
}

export interface Joined extends Credentials {
  readonly host: HostRow;
  readonly certificate: string;
  readonly ca: string;
}

export interface Refreshed extends Credentials {
  /** Only when a certificate request came with the refresh. */
  readonly certificate: string | undefined;
  readonly ca: string;
}

export interface EnrolmentParts {
  readonly db: Database;
  readonly authority: CertificateAuthority;
  readonly permits: HostPermits;
  /** Told when a refresh token turns out to be stolen. */
  readonly onStolenToken: (hostId: string) => void;
}

export class Enrolment {
  readonly #parts: EnrolmentParts;

  constructor(parts: EnrolmentParts) {
    this.#parts = parts;
  }

  /** Whether `join` would take this token, without using it up. */
  knowsJoinToken(token: string): Promise<boolean> {
    return isJoinToken(this.#parts.db, token);
  }

  /**
   * All or nothing: a token is used up only when the host is online and its certificate signed.
   * @throws RoostError `unauthorized`, `invalid_request` (the certificate request), `conflict` (joined already).
   */
  join(joinToken: string, machine: MachineFacts, csrPem: string): Promise<Joined> {
    const { db, authority } = this.#parts;
    return db.transaction().execute(async (trx) => {
      const hostId = await consumeJoinToken(trx, joinToken);
      const host = await trx
        .updateTable("hosts")
        .set({ ...columnsOf(machine), status: "online", updated_at: NOW })
        .where("id", "=", hostId)
        .where("status", "=", "pending")
        .returningAll()
        .executeTakeFirst();
      if (!host) throw new RoostError("conflict", "This host has joined already.");
      const credentials = await this.#issue(trx, hostId);
      return {
        ...credentials,
        host,
        certificate: await authority.signHost(hostId, csrPem),
        ca: authority.certificatePem,
      };
    });
  }

  /** Whether `refresh` would take this token now. A stolen one, used again, is dealt with. */
  async knowsRefreshToken(token: string): Promise<boolean> {
    return (await this.#usableRefreshToken(token)) !== undefined;
  }

  /** @throws RoostError `unauthorized` when it is wrong, expired, revoked or reused; `invalid_request` (the certificate request). */
  async refresh(token: string, csrPem: string | undefined): Promise<Refreshed> {
    const { db, authority } = this.#parts;
    if (!(await this.#usableRefreshToken(token))) throw refreshRefused();
    return db.transaction().execute(async (trx) => {
      const usable = await lockUsable(trx, token);
      if (!usable) throw refreshRefused();
      await markUsed(trx, usable);
      const credentials = await this.#issue(trx, usable.host_id, usable.id);
      const certificate = csrPem === undefined ? undefined : await authority.signHost(usable.host_id, csrPem);
      return { ...credentials, certificate, ca: authority.certificatePem };
    });
  }

  /**
   * The host that shows this token.
   * @throws RoostError `unauthorized`; `host_deleted` when the host was deleted since.
   */
  async recognise(permitToken: string): Promise<string> {
    const { db, permits } = this.#parts;
    const permit = await permits.read(permitToken);
    if (!permit) throw permitRefused();
    const host = await db.selectFrom("hosts").where("id", "=", permit.hostId).select("id").executeTakeFirst();
    if (!host) throw new RoostError("host_deleted", "This host was deleted.");
    const seen = await unrevokedToken(db, permit);
    if (seen?.first_used_at === null) {
      await db.transaction().execute(async (trx) => {
        await lockHost(trx, permit.hostId);
        // Read again: a refresh that held the lock may have voided it.
        const token = await unrevokedToken(trx, permit);
        if (!token) throw permitRefused();
        await markUsed(trx, token);
      });
    }
    if (!seen) throw permitRefused();
    return permit.hostId;
  }

  async #issue(trx: DatabaseTransaction, hostId: string, predecessorId?: number): Promise<Credentials> {
    const refresh = await issueRefreshToken(trx, hostId, predecessorId);
    const token = await this.#parts.permits.issue({ hostId, refreshTokenId: refresh.id });
    return { token, refreshToken: refresh.token };
  }

  /**
   * Looks a refresh token up and, when it was superseded, locks its host out: its successor has been used, so whoever comes
   * with the old one is not who holds the new one. Committed on its own, before the refusal.
   */
  async #usableRefreshToken(token: string) {
    const { db, onStolenToken } = this.#parts;
    const { usable, stolenFrom } = await db.transaction().execute(async (trx) => {
      const usable = await lockUsable(trx, token);
      const present = usable ?? (await refreshTokenByValue(trx, token));
      if (present?.revoked_reason !== "superseded") return { usable, stolenFrom: undefined };
      await revokeAll(trx, present.host_id);
      await trx
        .updateTable("hosts")
        .set({ status: "offline", updated_at: NOW })
        .where("id", "=", present.host_id)
        .execute();
      return { usable: undefined, stolenFrom: present.host_id };
    });
    if (stolenFrom !== undefined) onStolenToken(stolenFrom);
    return usable;
  }
}

function columnsOf(machine: MachineFacts) {
  const { vmm, ...same } = machine;
  return { ...same, vmm_name: vmm.name, vmm_version: vmm.version, vmm_accelerator: vmm.accelerator };
}

async function lockHost(trx: DatabaseTransaction, hostId: string): Promise<void> {
  await trx.selectFrom("hosts").where("id", "=", hostId).select("id").forUpdate().executeTakeFirst();
}

/** The token's row with its host locked, if one may refresh with it. */
async function lockUsable(trx: DatabaseTransaction, token: string) {
  const seen = await refreshTokenByValue(trx, token);
  if (!seen) return undefined;
  await lockHost(trx, seen.host_id);
  // Read again: another transaction may have held the lock.
  return await usableToken(trx, token);
}

export function refreshRefused(): RoostError {
  return new RoostError("unauthorized", "This refresh token is wrong, expired or revoked; the host has to join again.");
}

function permitRefused(): RoostError {
  return new RoostError("unauthorized", "X-Host-Token is wrong, expired or revoked; refresh it.");
}
