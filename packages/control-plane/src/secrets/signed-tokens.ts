/**
 * Signed tokens that name someone (JWT, HS256): a person's session, a host's permission. Each kind has a key and an audience
 * of its own. A token proves only who was let in when it was made; whoever accepts one looks the rows up as well.
 */
import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";

export interface SignedTokensOptions {
  readonly key: Uint8Array;
  readonly audience: string;
  readonly lifetimeSec: number;
  readonly now: () => Date;
}

export class SignedTokens {
  readonly #options: SignedTokensOptions;

  constructor(options: SignedTokensOptions) {
    this.#options = options;
  }

  issue(subject: string, claims: Readonly<Record<string, string | number>>): Promise<string> {
    const { key, audience, lifetimeSec, now } = this.#options;
    const issuedAt = Math.floor(now().getTime() / 1000);
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifetimeSec)
      .sign(key);
  }

  /** What a valid token says; undefined for one that is expired, of another kind, or not ours. */
  async verify(token: string): Promise<(JWTPayload & { readonly sub: string }) | undefined> {
    const { key, audience, now } = this.#options;
    try {
      const options = { algorithms: ["HS256"], audience, requiredClaims: ["sub", "exp"], currentDate: now() };
      const { payload } = await jwtVerify(token, key, options);
      const { sub } = payload;
      return sub === undefined ? undefined : { ...payload, sub };
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}
