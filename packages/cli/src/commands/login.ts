/** `roost login`: opens a session and keeps it for this user. */
import { RoostApiError } from "@roost/sdk";
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import type { Invocation } from "../invocation.ts";
import { askLine, askSecret, readFirstLine } from "../prompt.ts";
import { sameServer } from "../settings/client-settings.ts";
import { readStoredFile, userConfigPath } from "../settings/stored-files.ts";
import { writeUserConfig } from "../settings/user-config.ts";

interface LoginFlags {
  readonly email?: string;
  readonly passwordStdin?: boolean;
}

export function loginCommand(run: Run): Command {
  return newCommand("login", "Log in with email and password; the session lasts 6 hours.", [
    "login",
    "login --url https://roost.example.org --email me@example.org",
    "login --email ci@example.org --password-stdin < password.txt",
  ])
    .option("--email <email>", "whose account (default: asked)")
    .option("--password-stdin", "read the password from standard input instead of asking")
    .action((flags: LoginFlags, command: Command) => run(command, (invocation) => login(invocation, flags)));
}

async function login(invocation: Invocation, flags: LoginFlags): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const path = userConfigPath(surroundings.env);
  if (path === undefined) throw new CommandFailure("HOME is not set, so there is no place to keep the session.");
  const { url, apiKey } = await invocation.settings();
  const roost = await invocation.stranger();
  const { email, password } = await askCredentials(invocation, flags);
  const session = await roost.auth.login({ email, password }, { signal }).catch((error: unknown) => {
    // Of all commands this one must not advise to log in.
    const isWrong = error instanceof RoostApiError && error.code === "unauthorized";
    throw isWrong ? new CommandFailure(error.message, { cause: error }) : error;
  });

  const before = await readStoredFile(path);
  const isSame = before?.url !== undefined && sameServer(before.url, url.value);
  await writeUserConfig(path, {
    url: url.value,
    email: session.email,
    token: session.token,
    ...(isSame && before.apiKey !== undefined ? { api_key: before.apiKey } : {}),
  });
  if (invocation.json) {
    const { email: who, userId, teamId } = session;
    return void (await print.json({ url: url.value, email: who, user_id: userId, team_id: teamId }));
  }
  await print.note(`Logged in to ${url.value} as ${session.email}, for 6 hours (${path}).`);
  if (apiKey !== undefined) await print.note(`Sandboxes are still opened with the API key from ${apiKey.source}.`);
}

interface Answers {
  readonly email: string;
  readonly password: string;
}

async function askCredentials(invocation: Invocation, flags: LoginFlags): Promise<Answers> {
  const { surroundings, signal } = invocation;
  if (flags.passwordStdin === true) {
    if (flags.email === undefined)
      throw usageFailure("--password-stdin needs --email too: standard input holds only the password.");
    return { email: flags.email, password: await readFirstLine(surroundings.stdin, signal) };
  }
  if (surroundings.stdin.isTTY !== true) {
    throw usageFailure("nobody is there to be asked: give --email and --password-stdin.");
  }
  const email = flags.email ?? (await askLine(surroundings, "Email: "));
  return { email, password: await askSecret(surroundings, "Password: ") };
}
