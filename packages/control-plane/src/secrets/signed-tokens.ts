/**
 * Signed tokens that name someone (JWT, HS256): a person's session, a host's permission. Each kind has keys and an audience
 * of its own. A token proves only who was let in when it was made; whoever accepts one looks the rows up as well.
 */
import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";

/** Keys by name. A kind of token that never changes its key has one, without a name. */
export interface SigningKeys {
  /** What new tokens are signed with. */
  current(): Promise<{ readonly kid?: string; readonly key: Uint8Array }>;
  /** The key that a token's header names; undefined where none can have that name. */
  named(kid: string | undefined): Uint8Array | undefined;
}

export interface SignedTokensOptions {
  readonly keys: SigningKeys;
  readonly audience: string;
  readonly lifetimeSec: number;
  readonly now: () => Date;
}

export interface VerifiedToken {
  readonly subject: string;
  readonly claims: JWTPayload;
  /** The name of the key that signed it. */
  readonly kid: string | undefined;
}

/** One key, without a name. */
export function onlyKey(key: Uint8Array): SigningKeys {
  return { current: async () => ({ key }), named: (kid) => (kid === undefined ? key : undefined) };
}

export class SignedTokens {
  readonly #options: SignedTokensOptions;

  constructor(options: SignedTokensOptions) {
    this.#options = options;
  }

  async issue(subject: string, claims: Readonly<Record<string, string | number>>): Promise<string> {
    const { keys, audience, lifetimeSec, now } = this.#options;
    const { kid, key } = await keys.current();
    const issuedAt = Math.floor(now().getTime() / 1000);
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: "HS256", ...(kid === undefined ? {} : { kid }) })
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifetimeSec)
      .sign(key);
  }

  /** What a valid token says; undefined for one that is expired, of another kind, or not ours. */
  async verify(token: string): Promise<VerifiedToken | undefined> {
    const { keys, audience, now } = this.#options;
    const keyOf = ({ kid }: { kid?: string }) => {
      const key = keys.named(kid);
      if (!key) throw new errors.JWKSNoMatchingKey();
      return key;
    };
    try {
      const options = { algorithms: ["HS256"], audience, requiredClaims: ["sub", "exp"], currentDate: now() };
      const { payload, protectedHeader } = await jwtVerify(token, keyOf, options);
      const { sub } = payload;
      return sub === undefined ? undefined : { subject: sub, claims: payload, kid: protectedHeader.kid };
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}
