/** `roost login`: opens a session and keeps it for this user. */
import { RoostApiError, type Session } from "@roost/sdk";
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import type { Invocation } from "../invocation.ts";
import { askLine, askSecret, readFirstLine } from "../prompt.ts";
import { keepSession, sessionPlace } from "../settings/keep-session.ts";

interface LoginFlags {
  readonly email?: string;
  readonly passwordStdin?: boolean;
  readonly team?: string;
}

export function loginCommand(run: Run): Command {
  return newCommand("login", "Log in with email and password; the session lasts 6 hours.", [
    "login",
    "login --url https://roost.example.org --email me@example.org",
    "login --email ci@example.org --password-stdin < password.txt",
  ])
    .option("--email <email>", "whose account (default: asked)")
    .option("--team <id>", "the team to act for (default: the one you came first to)")
    .option("--password-stdin", "read the password from standard input instead of asking")
    .action((flags: LoginFlags, command: Command) => run(command, (invocation) => login(invocation, flags)));
}

async function login(invocation: Invocation, flags: LoginFlags): Promise<undefined> {
  const { print, signal } = invocation;
  const path = sessionPlace(invocation);
  const { url, apiKey } = await invocation.settings();
  const roost = await invocation.stranger();
  const { email, password } = await askCredentials(invocation, flags);
  const opened = await roost.auth.login({ email, password }, { signal }).catch((error: unknown) => {
    // Of all commands this one must not advise to log in.
    const isWrong = error instanceof RoostApiError && error.code === "unauthorized";
    throw isWrong ? new CommandFailure(error.message, { cause: error }) : error;
  });
  const session = flags.team === undefined ? opened : await switchTo(invocation, opened, flags.team);
  await keepSession(invocation, path, session);
  if (invocation.json) {
    const { email: who, userId, teamId } = session;
    return void (await print.json({ url: url.value, email: who, user_id: userId, team_id: teamId }));
  }
  await print.note(`Logged in to ${url.value} as ${session.email}, for 6 hours (${path}).`);
  if (apiKey !== undefined) await print.note(`Sandboxes are still opened with the API key from ${apiKey.source}.`);
}

async function switchTo(invocation: Invocation, { token }: Session, teamId: string): Promise<Session> {
  const roost = await invocation.withToken(token);
  return await roost.auth.switchTeam(teamId, { signal: invocation.signal });
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
