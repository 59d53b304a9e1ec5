/** One run of one command: what it may use. The server is asked for nothing until a command does. */
import { Roost } from "@roost/sdk";
import { patientFetch } from "@roost/sdk/node";
import { CommandFailure } from "./command-failure.ts";
import { Printer } from "./output/printer.ts";
import { type ClientSettings, resolveSettings } from "./settings/client-settings.ts";
import { credentialsPath, readStoredFile, userConfigPath } from "./settings/stored-files.ts";
import type { Surroundings } from "./surroundings.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly apiKey?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export class Invocation {
  readonly surroundings: Surroundings;
  readonly print: Printer;
  readonly signal: AbortSignal;
  readonly #options: GlobalOptions;
  #settings: Promise<ClientSettings> | undefined;

  constructor(surroundings: Surroundings, options: GlobalOptions) {
    this.surroundings = surroundings;
    this.signal = surroundings.interrupted;
    this.print = new Printer(surroundings, { json: options.json ?? false, quiet: options.quiet ?? false });
    this.#options = options;
  }

  get json(): boolean {
    return this.print.options.json;
  }

  get quiet(): boolean {
    return this.print.options.quiet;
  }

  settings(): Promise<ClientSettings> {
    this.#settings ??= this.#readSettings();
    return this.#settings;
  }

  /** A client for sandboxes: with the API key, or without one with the session. */
  async roost(): Promise<Roost> {
    const settings = await this.settings();
    if (settings.apiKey === undefined) return await this.account();
    return client(settings.url.value, { apiKey: settings.apiKey.value });
  }

  /** A client for accounts, keys and hosts, which no API key opens. */
  async account(): Promise<Roost> {
    const { url, session, unreadable } = await this.settings();
    if (session === undefined) {
      const hint = unreadable.length === 0 ? "" : ` (${unreadable.join(", ")} is not for this user to read)`;
      throw new CommandFailure(
        `No credentials for ${url.value}${hint}. Run roost login, or set ROOST_API_KEY, or start your own with ./roost up.`,
      );
    }
    if (session.value.kind === "token") return client(url.value, { token: session.value.token });
    const { token } = await client(url.value, {}).auth.login(session.value, { signal: this.signal });
    return client(url.value, { token });
  }

  /** A client that is nobody yet, to log in with. */
  async stranger(): Promise<Roost> {
    return client((await this.settings()).url.value, {});
  }

  /** A client with a session that was opened just now. */
  async withToken(token: string): Promise<Roost> {
    return client((await this.settings()).url.value, { token });
  }

  async #readSettings(): Promise<ClientSettings> {
    const { env, checkout } = this.surroundings;
    const userPath = userConfigPath(env);
    const [credentials, user] = await Promise.all([
      readStoredFile(credentialsPath(env, checkout)),
      userPath === undefined ? undefined : readStoredFile(userPath),
    ]);
    return resolveSettings({ flags: this.#options, env, checkout: credentials, user });
  }
}

function client(url: string, credentials: { readonly apiKey?: string; readonly token?: string }): Roost {
  return new Roost({ url, ...credentials, fetch: patientFetch });
}
