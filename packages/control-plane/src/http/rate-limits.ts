/**
 * How often one may ask. A team's requests count together, whichever key or session sends them; who is not let in yet is counted by
 * address. Log-ins and sign-ups, which cost a password's hash each, have rates of their own, and so have wrong passwords for one account.
 * Health, documents and hosts' heartbeats are not counted.
 */
import { isIPv6 } from "node:net";
import { RoostError } from "@roost/protocol/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Rate, TokenBuckets } from "../rates/token-buckets.ts";

/** Undefined where nothing is limited. */
export interface Rates {
  readonly api: Rate | undefined;
  readonly logIn: Rate | undefined;
  readonly wrongPassword: Rate | undefined;
  readonly signUp: Rate | undefined;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** `api` where a route does not say it. */
    rate?: "api" | "log-in" | "sign-up" | "none";
  }
}

/** Refused for now. The answer says in `Retry-After` when to come again. */
export class RateLimitedError extends RoostError {
  readonly retryAfterSec: number;

  constructor(what: string, waitMs: number) {
    const retryAfterSec = Math.max(1, Math.ceil(waitMs / 1000));
    super("rate_limited", `${what}; try again in ${retryAfterSec} s.`);
    this.retryAfterSec = retryAfterSec;
  }
}

/** An IPv6 network of the size that one subscriber gets counts as one address. */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped || !isIPv6(address)) return mapped ?? address;
  const { hostname } = new URL(`http://[${address.split("%")[0]}]`);
  const [head = "", tail] = hostname.slice(1, -1).split("::");
  const groups = (text: string | undefined) => (text ? text.split(":") : []);
  const [before, after] = [groups(head), groups(tail)];
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => "0");
  return `${[...before, ...zeros, ...after].slice(0, 4).join(":")}::/64`;
}

export class RateLimits {
  readonly #buckets: Partial<Record<keyof Rates, TokenBuckets>>;

  /** @param now monotonic milliseconds. */
  constructor(rates: Rates, now: () => number) {
    const made = (["api", "logIn", "wrongPassword", "signUp"] as const).map((name) => {
      const rate = rates[name];
      return [name, rate && new TokenBuckets(rate, now)] as const;
    });
    this.#buckets = Object.fromEntries(made);
  }

  /** @throws RateLimitedError. */
  count(name: keyof Rates, key: string, what: string): void {
    const waitMs = this.#buckets[name]?.take(key) ?? 0;
    if (waitMs > 0) throw new RateLimitedError(what, waitMs);
  }

  /**
   * Does what is refused for a while after too many wrong passwords for this account from this address. From elsewhere its owner still
   * gets in: nobody is locked out by others' guessing.
   * @param attempt throws `unauthorized` or `forbidden` when the password is wrong.
   */
  async guessing<T>(request: FastifyRequest, account: string, attempt: () => Promise<T>): Promise<T> {
    const key = `${addressKey(request.ip)} ${account.trim().toLowerCase()}`;
    const buckets = this.#buckets.wrongPassword;
    const waitMs = buckets?.waitMs(key) ?? 0;
    if (waitMs > 0) throw new RateLimitedError("There were too many wrong passwords for this account", waitMs);
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof RoostError && (error.code === "unauthorized" || error.code === "forbidden"))
        buckets?.take(key);
      throw error;
    }
  }
}

/** To be called after `guardRoutes`, and before any route is registered. */
export function limitRates(app: FastifyInstance, limits: RateLimits): void {
  app.addHook("onRoute", (route) => {
    const rate = route.config?.rate ?? "api";
    if (rate === "none" || route.config?.access === "host") return;
    const count = COUNTS[rate];
    // After the credentials: those of a wrong key are nobody's.
    const before = [route.onRequest ?? []].flat();
    route.onRequest = [...before, async (request: FastifyRequest) => count(limits, request)];
  });
}

const COUNTS = {
  api(limits: RateLimits, request: FastifyRequest): void {
    const { principal } = request;
    const isTeams = principal?.kind === "key" || principal?.kind === "session";
    const key = isTeams ? principal.teamId : addressKey(request.ip);
    limits.count("api", key, isTeams ? "The team asks too often" : "There are too many requests from this address");
  },
  "log-in"(limits: RateLimits, request: FastifyRequest): void {
    limits.count("logIn", addressKey(request.ip), "There are too many log-ins from this address");
  },
  "sign-up"(limits: RateLimits, request: FastifyRequest): void {
    limits.count("signUp", addressKey(request.ip), "There are too many sign-ups from this address");
  },
};
