/**
 * The token that a host shows at every heartbeat: seven days, and bound to the refresh token that came with it. Its first
 * use proves that the host has stored both.
 */
import { deriveKey } from "../../secrets/derive.ts";
import { onlyKey, SignedTokens } from "../../secrets/signed-tokens.ts";

const LIFETIME_SEC = 7 * 24 * 3600;

export interface HostPermit {
  readonly hostId: string;
  /** The row of the refresh token issued together with it. */
  readonly refreshTokenId: number;
}

export class HostPermits {
  readonly #tokens: SignedTokens;

  constructor(secret: Buffer, now: () => Date) {
    const keys = onlyKey(deriveKey(secret, "host-token"));
    this.#tokens = new SignedTokens({ keys, audience: "roost:host", lifetimeSec: LIFETIME_SEC, now });
  }

  issue(permit: HostPermit): Promise<string> {
    return this.#tokens.issue(permit.hostId, { refresh: permit.refreshTokenId });
  }

  async read(token: string): Promise<HostPermit | undefined> {
    const verified = await this.#tokens.verify(token);
    const refresh = verified?.claims.refresh;
    return verified && typeof refresh === "number" ? { hostId: verified.subject, refreshTokenId: refresh } : undefined;
  }
}
