/**
 * Which Roost the CLI talks to, and as whom. Each value comes from the first that has it: the command line, the
 * environment, the checkout's credentials, the user's config, the default.
 *
 * A secret from a file is used only for the url it was stored with: `ROOST_URL=https://elsewhere roost ls` must not
 * carry the key of this machine there.
 */
import type { Environment } from "../surroundings.ts";
import type { StoredFile } from "./stored-files.ts";

export interface Setting<T> {
  readonly value: T;
  /** For people: `--url`, `ROOST_URL`, a file's path, `default`. */
  readonly source: string;
}

export type Session =
  | { readonly kind: "token"; readonly token: string; readonly email: string | undefined }
  | { readonly kind: "password"; readonly email: string; readonly password: string };

export interface ClientSettings {
  readonly url: Setting<string>;
  readonly apiKey: Setting<string> | undefined;
  /** For accounts, keys and hosts. A login of the user's own comes before the checkout's administrator. */
  readonly session: Setting<Session> | undefined;
  /** Files that are there but that this user may not read. */
  readonly unreadable: readonly string[];
}

export interface SettingSources {
  readonly flags: { readonly url?: string | undefined; readonly apiKey?: string | undefined };
  readonly env: Environment;
  readonly checkout: StoredFile | undefined;
  readonly user: StoredFile | undefined;
}

export const DEFAULT_URL = "http://127.0.0.1:4700";

export function resolveSettings({ flags, env, checkout, user }: SettingSources): ClientSettings {
  const files = [checkout, user].filter((file) => file !== undefined);
  const url = first([
    [flags.url, "--url"],
    [env.ROOST_URL, "ROOST_URL"],
    ...files.map((file) => [file.url, file.path] as const),
  ]) ?? { value: DEFAULT_URL, source: "default" };
  const trusted = files.filter((file) => sameServer(file.url ?? DEFAULT_URL, url.value));
  const apiKey = first([
    [flags.apiKey, "--api-key"],
    [env.ROOST_API_KEY, "ROOST_API_KEY"],
    ...trusted.map((file) => [file.apiKey, file.path] as const),
  ]);
  const session = first([
    ...trusted.map((file) => [tokenOf(file), file.path] as const),
    ...trusted.map((file) => [passwordOf(file), file.path] as const),
  ]);
  return { url, apiKey, session, unreadable: files.filter((file) => !file.readable).map((file) => file.path) };
}

function first<T extends string | Session>(
  candidates: readonly (readonly [value: T | undefined, source: string])[],
): Setting<T> | undefined {
  for (const [value, source] of candidates) {
    // A variable set to nothing is one that is not set.
    if (value !== undefined && value !== "") return { value, source };
  }
  return undefined;
}

function tokenOf(file: StoredFile): Session | undefined {
  return file.token === undefined ? undefined : { kind: "token", token: file.token, email: file.email };
}

function passwordOf(file: StoredFile): Session | undefined {
  return file.admin === undefined ? undefined : { kind: "password", ...file.admin };
}

/** Whether two urls name one control plane. */
export function sameServer(one: string, other: string): boolean {
  const [a, b] = [URL.parse(one), URL.parse(other)];
  if (a === null || b === null) return false;
  const path = (url: URL): string => url.pathname.replace(/\/+$/, "");
  return a.origin === b.origin && path(a) === path(b);
}
