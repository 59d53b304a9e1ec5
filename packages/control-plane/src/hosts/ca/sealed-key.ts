/** The authority's private key at rest: AES-256-GCM under a key derived from ROOST_SECRET. Nonce, tag, ciphertext, in a row. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CONTEXT = Buffer.from("roost/v1/certificate-authority");

export function sealKey(privateKey: Buffer, key: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(CONTEXT);
  const ciphertext = Buffer.concat([cipher.update(privateKey), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
}

/** @throws when the key is another one, or the bytes were changed. */
export function openSealedKey(sealed: Buffer, key: Uint8Array): Uint8Array<ArrayBuffer> {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(CONTEXT)
    .setAuthTag(tag);
  return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]));
}
