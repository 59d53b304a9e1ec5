/** The whole command line: every command, and the options they all take. */
import { Command } from "commander";
import type { Run } from "./command.ts";
import { completionCommand } from "./commands/completion.ts";
import { configCommand } from "./commands/config.ts";
import { copyCommand } from "./commands/copy.ts";
import { createCommand } from "./commands/create.ts";
import { execCommand } from "./commands/exec.ts";
import { hostCommand } from "./commands/host.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { keyCommand } from "./commands/key.ts";
import { listCommand } from "./commands/list.ts";
import { loginCommand } from "./commands/login.ts";
import { logsCommand } from "./commands/logs.ts";
import { passwordCommand } from "./commands/password.ts";
import { removeCommand } from "./commands/remove.ts";
import { pauseCommand, pingCommand, resumeCommand } from "./commands/sleep.ts";
import { snapshotCommand } from "./commands/snapshot.ts";
import { teamCommand } from "./commands/team.ts";

const INTRODUCTION = `MicroVM sandboxes on your own machines.

The running of Roost itself is ./roost up, down and test.`;

const TOUR = `
A first minute:
  $ id=$(roost create)
  $ roost exec $id -- python3 -c 'print(6*7)'
  $ roost cp notes.txt $id:/home/user/
  $ roost rm $id

An id may be shortened as long as no other begins the same.`;

export function buildProgram(run: Run): Command {
  const program = new Command("roost")
    .description(INTRODUCTION)
    .option("--url <url>", "the control plane (ROOST_URL)")
    .option("--api-key <key>", "the key to open it with (better: ROOST_API_KEY, which other users cannot see)")
    .option("--json", "the result as one JSON document on stdout, nothing else there")
    .option("-q, --quiet", "only the barest result, and failures")
    .configureHelp({ showGlobalOptions: true })
    .addHelpText("after", TOUR)
    .showHelpAfterError("(roost --help, or roost COMMAND --help, tells more)");
  const commands = [
    createCommand(run),
    listCommand(run),
    inspectCommand(run),
    execCommand(run),
    copyCommand(run),
    logsCommand(run),
    pauseCommand(run),
    resumeCommand(run),
    pingCommand(run),
    snapshotCommand(run),
    removeCommand(run),
    keyCommand(run),
    teamCommand(run),
    hostCommand(run),
    loginCommand(run),
    passwordCommand(run),
    configCommand(run),
    completionCommand(run),
  ];
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  return program;
}
