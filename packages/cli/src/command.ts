/** What a command is made of: commander parses, a handler does the work and answers with an exit status. */
import { Command, Option } from "commander";
import type { Invocation } from "./invocation.ts";

/** Answers with an exit status; nothing is 0. */
export type Handler = (invocation: Invocation) => Promise<number | undefined>;

/** Runs a handler for a command that was parsed. */
export type Run = (command: Command, handler: Handler) => Promise<void>;

/** A command as all of ours look: with examples at the end of its help. */
export function newCommand(name: string, description: string, examples: readonly string[]): Command {
  return (
    new Command(name)
      .description(description)
      // The program knows it, too, but only the command itself can take `-aq` apart.
      .addOption(new Option("-q, --quiet").hideHelp())
      .addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ roost ${example}\n`).join("")}`.trimEnd())
  );
}
