/**
 * The way in: `new Roost({ url, apiKey })`. An API key opens the sandboxes and snapshots; a session token (from `auth.login`) opens
 * them too, and the account and the hosts. Nothing is asked of the server until a method is called.
 */
import { type Account, type AccountWire, accountFromWire } from "./account.ts";
import { ApiKeys } from "./api-keys.ts";
import { Auth } from "./auth.ts";
import type { CallOptions } from "./call-options.ts";
import { Hosts } from "./hosts.ts";
import { readJson } from "./http/answer.ts";
import { DEFAULT_RETRY_LIMITS, type RetryLimits } from "./http/retry.ts";
import { systemTiming, type Timing } from "./http/timing.ts";
import { Transport } from "./http/transport.ts";
import { Sandboxes } from "./sandboxes.ts";
import { Snapshots } from "./snapshots.ts";
import { Teams } from "./teams.ts";

export interface RoostOptions {
  /** Of the control plane, e.g. `http://127.0.0.1:4700`; a path before `/v1` is kept. */
  readonly url: string;
  /** `rst_…`. Where both are given, sandboxes are opened with the key. */
  readonly apiKey?: string | undefined;
  readonly token?: string | undefined;
  /** How safe requests are retried. */
  readonly retry?: Partial<RetryLimits> | undefined;
  /** Default: the platform's. Node's own gives up after 5 minutes without an answer; see `@roost/sdk/node`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Clock and chance of the retries, for tests. */
  readonly timing?: Timing | undefined;
}

export class Roost {
  readonly sandboxes: Sandboxes;
  readonly snapshots: Snapshots;
  readonly apiKeys: ApiKeys;
  readonly teams: Teams;
  readonly auth: Auth;
  readonly hosts: Hosts;
  readonly #transport: Transport;

  constructor(options: RoostOptions) {
    this.#transport = new Transport({
      url: checkedUrl(options.url),
      apiKey: checkedSecret("apiKey", options.apiKey),
      token: checkedSecret("token", options.token),
      fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
      retry: { ...DEFAULT_RETRY_LIMITS, ...options.retry },
      timing: options.timing ?? systemTiming,
    });
    this.sandboxes = new Sandboxes(this.#transport);
    this.snapshots = new Snapshots(this.#transport);
    this.apiKeys = new ApiKeys(this.#transport);
    this.teams = new Teams(this.#transport);
    this.auth = new Auth(this.#transport);
    this.hosts = new Hosts(this.#transport);
  }

  /** Who the session belongs to. Needs a session token. */
  async me(options: CallOptions = {}): Promise<Account> {
    const request = { method: "GET", path: "/v1/me", repeat: "safe", signal: options.signal } as const;
    return accountFromWire(await this.#transport.send(request, readJson<AccountWire>));
  }
}

function checkedUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new TypeError(`not the url of a control plane: "${text}". It looks like http://127.0.0.1:4700`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("the url holds a user name or password: give an API key or a token instead");
  }
  return url;
}

/** Headers hold visible ASCII; anything else is a mistake in copying, better said here than as "fetch failed". */
function checkedSecret(name: string, value: string | undefined): string | undefined {
  if (value === undefined || /^[\x21-\x7e]+$/.test(value)) return value;
  throw new TypeError(`the ${name} is empty or holds spaces or other characters that no Roost ${name} has`);
}
