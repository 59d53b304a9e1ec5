/** `roost password`: another password for one's account. */
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import type { Invocation } from "../invocation.ts";
import { askSecret } from "../prompt.ts";
import { readStdin } from "../read-stdin.ts";
import { keepSession, sessionPlace } from "../settings/keep-session.ts";

export function passwordCommand(run: Run): Command {
  return newCommand("password", "Take another password; all your other sessions end.", [
    "password",
    "password --stdin < two-lines.txt",
  ])
    .option("--stdin", "read the current and the new password from standard input, one on each line")
    .action((flags: { stdin?: boolean }, command: Command) => run(command, (call) => changePassword(call, flags)));
}

async function changePassword(invocation: Invocation, flags: { readonly stdin?: boolean }): Promise<undefined> {
  const { print, signal } = invocation;
  const path = sessionPlace(invocation);
  const roost = await invocation.account();
  const { current, next } = await (flags.stdin === true ? readBoth(invocation) : askBoth(invocation));
  const session = await roost.auth.changePassword(current, next, { signal });
  await keepSession(invocation, path, session);
  if (invocation.json) return void (await print.json({ user_id: session.userId, email: session.email }));
  await print.note(`${session.email} has the new password; all other sessions have ended.`);
}

interface Passwords {
  readonly current: string;
  readonly next: string;
}

async function readBoth({ surroundings, signal }: Invocation): Promise<Passwords> {
  const text = new TextDecoder().decode(await readStdin(surroundings.stdin, signal));
  const [current = "", next = ""] = text.split(/\r?\n/);
  if (current === "" || next === "") throw usageFailure("standard input holds no two passwords, one on each line.");
  return { current, next };
}

async function askBoth({ surroundings }: Invocation): Promise<Passwords> {
  if (surroundings.stdin.isTTY !== true) throw usageFailure("nobody is there to be asked: give --stdin.");
  const current = await askSecret(surroundings, "Current password: ");
  const next = await askSecret(surroundings, "New password: ");
  if (next !== (await askSecret(surroundings, "New password again: "))) {
    throw new CommandFailure("The two new passwords differ; nothing was changed.");
  }
  return { current, next };
}
