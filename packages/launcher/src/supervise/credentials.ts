/**
 * What opens this Roost to its owner: the first admin's email and password, and an API key of that admin's team. Made once, kept in
 * credentials.json (0600), proven at every start.
 */
import { randomBytes } from "node:crypto";
import type { Roost } from "@roost/sdk";
import { LauncherFailure } from "../failure.ts";
import { placeFile } from "../files/durable.ts";
import { readJsonObject } from "../files/presence.ts";
import { runProgram } from "../programs/run-program.ts";
import { homePaths, localUrl, type Settings } from "../settings.ts";
import { controlPlaneProgram } from "./control-plane.ts";

export interface Credentials {
  readonly url: string;
  readonly apiKey: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
}

const ADMIN_EMAIL = "admin@roost.local";

/** Credentials that work; what is missing is made. The control plane must be ready. */
export async function ensureCredentials(
  settings: Settings,
  databaseUrl: string,
  signal: AbortSignal,
): Promise<Credentials> {
  const url = localUrl(settings.listen);
  const kept = await readCredentials(settings);
  const adminEmail = kept?.adminEmail ?? ADMIN_EMAIL;
  const adminPassword = kept?.adminPassword ?? randomBytes(15).toString("base64url");
  let credentials: Credentials = { url, adminEmail, adminPassword, apiKey: kept?.apiKey ?? "" };
  // Kept before they are used: a crash in between must not leave an admin whose password nobody knows.
  if (!sameCredentials(kept, credentials)) await writeCredentials(settings, credentials);
  await createAdmin(settings, databaseUrl, credentials, signal);
  if (!(await apiKeyWorks(credentials, signal))) {
    const session = await openSession(settings, credentials, signal);
    const { key } = await session.apiKeys.create("roost up", { signal });
    credentials = { ...credentials, apiKey: key };
    await writeCredentials(settings, credentials);
  }
  return credentials;
}

/** A client with the admin's session. */
export async function openSession(settings: Settings, credentials: Credentials, signal: AbortSignal): Promise<Roost> {
  const { Roost } = await import("@roost/sdk");
  return new Roost({ url: credentials.url, token: await logIn(settings, credentials, signal) });
}

/** The admin's session token. */
export async function logIn(settings: Settings, credentials: Credentials, signal: AbortSignal): Promise<string> {
  const { Roost, RoostApiError } = await import("@roost/sdk");
  const { url, adminEmail: email, adminPassword: password } = credentials;
  try {
    return (await new Roost({ url }).auth.login({ email, password }, { signal })).token;
  } catch (error) {
    if (!(error instanceof RoostApiError) || error.status !== 401) throw error;
    throw new LauncherFailure(
      `the password of ${email} in ${homePaths.credentials(settings)} is no longer right: ` +
        "put the present one there (admin_password), and start again",
      { cause: error },
    );
  }
}

export async function readCredentials(settings: Settings): Promise<Credentials | undefined> {
  const content = await readJsonObject(homePaths.credentials(settings));
  if (content === undefined) return undefined;
  const { url, api_key: apiKey, admin_email: adminEmail, admin_password: adminPassword } = content;
  if (typeof adminEmail !== "string" || typeof adminPassword !== "string") return undefined;
  return {
    url: typeof url === "string" ? url : localUrl(settings.listen),
    apiKey: typeof apiKey === "string" ? apiKey : "",
    adminEmail,
    adminPassword,
  };
}

/** As credentials.json holds them and `up --json` prints them. */
export function credentialsToJson(credentials: Credentials): Record<string, string> {
  return {
    url: credentials.url,
    api_key: credentials.apiKey,
    admin_email: credentials.adminEmail,
    admin_password: credentials.adminPassword,
  };
}

async function writeCredentials(settings: Settings, credentials: Credentials): Promise<void> {
  const text = `${JSON.stringify(credentialsToJson(credentials), null, 2)}\n`;
  await placeFile(homePaths.credentials(settings), text, 0o600);
}

function sameCredentials(kept: Credentials | undefined, wanted: Credentials): boolean {
  return kept !== undefined && JSON.stringify(credentialsToJson(kept)) === JSON.stringify(credentialsToJson(wanted));
}

/** Says so, and changes nothing, when the admin is there already. */
async function createAdmin(
  settings: Settings,
  databaseUrl: string,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<void> {
  const args = ["create", "--email", credentials.adminEmail, "--password-stdin", "--json"];
  const { command, env } = await controlPlaneProgram(settings, databaseUrl, "admin.ts", args);
  await runProgram(command, { env, input: `${credentials.adminPassword}\n`, signal });
}

async function apiKeyWorks(credentials: Credentials, signal: AbortSignal): Promise<boolean> {
  if (credentials.apiKey === "") return false;
  const { Roost, RoostApiError } = await import("@roost/sdk");
  const roost = new Roost({ url: credentials.url, apiKey: credentials.apiKey });
  try {
    await roost.sandboxes.list({ signal })[Symbol.asyncIterator]().next();
    return true;
  } catch (error) {
    if (error instanceof RoostApiError && error.status === 401) return false;
    throw error;
  }
}
