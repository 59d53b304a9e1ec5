/**
 * Opaque tokens: API keys, invitations, a host's one-time and refresh tokens. 32 random bytes; only their SHA-256 is stored. A slow hash
 * would add nothing: nobody guesses 256 bits.
 */
import { createHash, randomBytes } from "node:crypto";

/** Which door a token opens, readable in a log or a secret scanner's report. */
export type TokenPrefix = "rst_" | "rsti_" | "rsth_" | "rstr_";

export function newToken(prefix: TokenPrefix): string {
  return prefix + randomBytes(32).toString("hex");
}

/** What is stored of a token, and looked up by. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}
