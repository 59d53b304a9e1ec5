/**
 * Roost's certificate authority: made once, by whichever control plane starts first, and kept in the database. It signs
 * hosts' certificates when they join, and the certificate with which this process shows itself to hosts.
 */
import { webcrypto } from "node:crypto";
import { type Database, type DatabaseTransaction, lockForTransaction } from "../../db/database.ts";
import { deriveKey } from "../../secrets/derive.ts";
import {
  type Authority,
  CLIENT_LIFETIME_MS,
  createAuthority,
  KEY_ALGORITHM,
  newKeys,
  signClientCertificate,
  signHostCertificate,
} from "./certificates.ts";
import { openSealedKey, sealKey } from "./sealed-key.ts";
import * as x509 from "./x509.ts";

/** What the control plane shows to hosts. In memory only. */
export interface ClientIdentity {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly renewAt: Date;
}

export class CertificateAuthority {
  readonly #authority: Authority;
  readonly #now: () => Date;
  #identity: Promise<ClientIdentity> | undefined;
  #renewAt = new Date(0);

  private constructor(authority: Authority, now: () => Date) {
    this.#authority = authority;
    this.#now = now;
  }

  /**
   * Reads the authority from the database, or makes it.
   * @throws when ROOST_SECRET is not the one it was made with.
   */
  static async open(db: Database, secret: Buffer, now: () => Date): Promise<CertificateAuthority> {
    const key = deriveKey(secret, "certificate-authority-key");
    const authority = await db.transaction().execute(async (trx) => {
      await lockForTransaction(trx, "certificate-authority");
      return (await readAuthority(trx, key)) ?? (await insertAuthority(trx, key, now()));
    });
    return new CertificateAuthority(authority, now);
  }

  /** What hosts and control plane trust, and nothing else. */
  get certificatePem(): string {
    return this.#authority.certificate.toString("pem");
  }

  /** @throws RoostError `invalid_request` when the request is not one, or its key is of the wrong kind. */
  signHost(hostId: string, csrPem: string): Promise<string> {
    return signHostCertificate(this.#authority, hostId, csrPem, this.#now());
  }

  /** This process's certificate and key, the same until half of their life is over. */
  clientIdentity(): Promise<ClientIdentity> {
    const now = this.#now();
    if (!this.#identity || now >= this.#renewAt) {
      this.#renewAt = new Date(now.getTime() + CLIENT_LIFETIME_MS / 2);
      this.#identity = makeIdentity(this.#authority, now, this.#renewAt);
    }
    return this.#identity;
  }
}

async function makeIdentity(authority: Authority, now: Date, renewAt: Date): Promise<ClientIdentity> {
  const keys = await newKeys();
  const certificatePem = await signClientCertificate(authority, keys.publicKey, now);
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { certificatePem, keyPem: x509.PemConverter.encode(pkcs8, x509.PemConverter.PrivateKeyTag), renewAt };
}

async function readAuthority(trx: DatabaseTransaction, key: Uint8Array): Promise<Authority | undefined> {
  const row = await trx
    .selectFrom("certificate_authority")
    .select(["certificate_pem", "encrypted_key"])
    .executeTakeFirst();
  if (!row) return undefined;
  let pkcs8: Uint8Array<ArrayBuffer>;
  try {
    pkcs8 = openSealedKey(row.encrypted_key, key);
  } catch (cause) {
    throw new Error("ROOST_SECRET is not the one that this database's hosts joined with; give back the old one.", {
      cause,
    });
  }
  const privateKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, KEY_ALGORITHM, false, ["sign"]);
  return { certificate: new x509.X509Certificate(row.certificate_pem), privateKey };
}

async function insertAuthority(trx: DatabaseTransaction, key: Uint8Array, now: Date): Promise<Authority> {
  const authority = await createAuthority(now);
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", authority.privateKey));
  await trx
    .insertInto("certificate_authority")
    .values({ certificate_pem: authority.certificate.toString("pem"), encrypted_key: sealKey(pkcs8, key) })
    .execute();
  return authority;
}
