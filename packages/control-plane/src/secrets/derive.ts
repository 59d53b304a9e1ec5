/**
 * Keys for each purpose from the one secret of the install, by HKDF-SHA-256 (RFC 5869). What signs a session can therefore
 * never sign a host's token: each has a key of its own.
 */
import { hkdfSync } from "node:crypto";

export type Purpose = `session-token/${string}` | "host-token" | "certificate-authority-key";

/** 32 bytes that only this secret and this purpose give. */
export function deriveKey(secret: Buffer, purpose: Purpose): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, "roost", `roost/v1/${purpose}`, 32));
}
