/**
 * A session lasts six hours. It names a user and a team, and which of the user's passwords opened it; whether all that still
 * holds is looked up at every request, so that a removed member or a changed password counts at once.
 */
import { SignedTokens, type SigningKeys } from "../secrets/signed-tokens.ts";

export const SESSION_SEC = 6 * 3600;

export interface SessionClaims {
  readonly userId: string;
  readonly teamId: string;
  /** How many passwords the user had had. */
  readonly passwordVersion: number;
}

export interface ReadSession extends SessionClaims {
  /** The key that signed it, whose row must be there. */
  readonly kid: string;
}

export class Sessions {
  readonly #tokens: SignedTokens;

  constructor(keys: SigningKeys, now: () => Date) {
    this.#tokens = new SignedTokens({ keys, audience: "roost:session", lifetimeSec: SESSION_SEC, now });
  }

  open({ userId, teamId, passwordVersion }: SessionClaims): Promise<string> {
    return this.#tokens.issue(userId, { team: teamId, pwv: passwordVersion });
  }

  async read(token: string): Promise<ReadSession | undefined> {
    const verified = await this.#tokens.verify(token);
    if (!verified) return undefined;
    const { subject: userId, claims, kid } = verified;
    const { team: teamId, pwv: passwordVersion } = claims;
    if (kid === undefined || typeof teamId !== "string" || typeof passwordVersion !== "number") return undefined;
    return { userId, teamId, passwordVersion, kid };
  }
}
