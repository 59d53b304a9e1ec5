/**
 * A session lasts six hours. It names a user and a team; whether the two still belong together is looked up at every
 * request, so that a removed member is out at once.
 */
import { deriveKey } from "../secrets/derive.ts";
import { SignedTokens } from "../secrets/signed-tokens.ts";

export const SESSION_SEC = 6 * 3600;

export interface SessionClaims {
  readonly userId: string;
  readonly teamId: string;
}

export class Sessions {
  readonly #tokens: SignedTokens;

  constructor(secret: Buffer, now: () => Date) {
    const key = deriveKey(secret, "session-token");
    this.#tokens = new SignedTokens({ key, audience: "roost:session", lifetimeSec: SESSION_SEC, now });
  }

  open(claims: SessionClaims): Promise<string> {
    return this.#tokens.issue(claims.userId, { team: claims.teamId });
  }

  async read(token: string): Promise<SessionClaims | undefined> {
    const payload = await this.#tokens.verify(token);
    const team = payload?.team;
    return payload && typeof team === "string" ? { userId: payload.sub, teamId: team } : undefined;
  }
}
