/** Keeps an opened session for this user, beside what was kept for the same server. */
import type { Session } from "@roost/sdk";
import { CommandFailure } from "../command-failure.ts";
import type { Invocation } from "../invocation.ts";
import { sameServer } from "./client-settings.ts";
import { readStoredFile, userConfigPath } from "./stored-files.ts";
import { writeUserConfig } from "./user-config.ts";

/** Where sessions are kept. @throws CommandFailure where there is no place for them: better before one is opened. */
export function sessionPlace({ surroundings }: Invocation): string {
  const path = userConfigPath(surroundings.env);
  if (path === undefined) throw new CommandFailure("HOME is not set, so there is no place to keep the session.");
  return path;
}

export async function keepSession(invocation: Invocation, path: string, session: Session): Promise<void> {
  const { url } = await invocation.settings();
  const before = await readStoredFile(path);
  const isSame = before?.url !== undefined && sameServer(before.url, url.value);
  await writeUserConfig(path, {
    url: url.value,
    email: session.email,
    token: session.token,
    ...(isSame && before.apiKey !== undefined ? { api_key: before.apiKey } : {}),
  });
}
