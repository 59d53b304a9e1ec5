/**
 * The two files that may hold an address and a secret: what `./roost up` wrote into its checkout, and what `roost login`
 * wrote for this user. A file that is not there is nothing special; one that cannot be read or understood is named.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandFailure } from "../command-failure.ts";
import type { Environment } from "../surroundings.ts";

export interface StoredFile {
  readonly path: string;
  /** False: it is there, but not for this user's eyes. */
  readonly readable: boolean;
  readonly url?: string;
  readonly apiKey?: string;
  /** A session, from `roost login`. */
  readonly token?: string;
  readonly email?: string;
  /** The administrator that `./roost up` made. */
  readonly admin?: { readonly email: string; readonly password: string };
}

/** `.roost/credentials.json`; ROOST_HOME moves it, as it does for the launcher. */
export function credentialsPath(env: Environment, checkout: string): string {
  return join(env.ROOST_HOME || join(checkout, ".roost"), "credentials.json");
}

/** `~/.config/roost/config.json`; undefined where there is no home. */
export function userConfigPath(env: Environment): string | undefined {
  return env.HOME ? join(env.HOME, ".config", "roost", "config.json") : undefined;
}

/** Undefined when there is no such file. */
export async function readStoredFile(path: string): Promise<StoredFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "EACCES" || code === "EPERM") return { path, readable: false };
    throw new CommandFailure(`Cannot read ${path}.`, { cause: error });
  }
  return { path, readable: true, ...fieldsOf(text, path) };
}

function fieldsOf(text: string, path: string): Omit<StoredFile, "path" | "readable"> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CommandFailure(`${path} is not JSON. Mend it, or remove it and run roost login again.`, { cause });
  }
  if (typeof value !== "object" || value === null) throw new CommandFailure(`${path} is not a JSON object. Remove it.`);
  const fields = new Map<string, unknown>(Object.entries(value));
  const field = (name: string): string | undefined => {
    const found = fields.get(name);
    return typeof found === "string" && found !== "" ? found : undefined;
  };
  const [url, apiKey, token, email] = [field("url"), field("api_key"), field("token"), field("email")];
  const [adminEmail, password] = [field("admin_email"), field("admin_password")];
  return {
    ...(url === undefined ? {} : { url }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(token === undefined ? {} : { token }),
    ...(email === undefined ? {} : { email }),
    ...(adminEmail === undefined || password === undefined ? {} : { admin: { email: adminEmail, password } }),
  };
}
