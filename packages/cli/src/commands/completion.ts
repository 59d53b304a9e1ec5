/** `roost completion`: a script by which bash completes commands, options and the ids of one's sandboxes. */
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";

/** What `./roost` does itself, without this command line. */
const LAUNCHER_COMMANDS = ["up", "down", "test", "dev", "admin", "backup", "restore"];
const COMMANDS_WITH_SANDBOXES = ["inspect", "exec", "cp", "logs", "pause", "resume", "ping", "snapshot", "rm"];

export function completionCommand(run: Run): Command {
  return newCommand("completion", "Print a script that teaches bash to complete roost.", [
    "completion >> ~/.bashrc",
  ]).action((_flags: unknown, command: Command) =>
    run(command, async ({ print }) => {
      await print.stdout(bashScript(command.parent ?? command));
      return undefined;
    }),
  );
}

function bashScript(program: Command): string {
  const cases = program.commands.map((command) => `    ${command.name()}) words=${quoted(wordsOf(command))} ;;`);
  const first = [...LAUNCHER_COMMANDS, ...program.commands.map((command) => command.name()), ...optionsOf(program)];
  // compgen expands its words as the shell would: of what a server says, only what has the form of an id gets there.
  return `_roost() {
  local word=\${COMP_WORDS[COMP_CWORD]} command='' words='' at
  for ((at = 1; at < COMP_CWORD; at++)); do
    [[ \${COMP_WORDS[at]} == -* ]] || { command=\${COMP_WORDS[at]}; break; }
  done
  case $command in
    '') words=${quoted(first)} ;;
${cases.join("\n")}
  esac
  case $command in
    ${COMMANDS_WITH_SANDBOXES.join(" | ")})
      [[ $word == -* ]] || words+=" $("\${COMP_WORDS[0]}" ls --quiet 2>/dev/null | grep -xE 'sb-[a-z2-7]{20}')" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _roost roost ./roost
`;
}

function wordsOf(command: Command): readonly string[] {
  const parents = command.parent === null ? [] : optionsOf(command.parent);
  return [...command.commands.map((sub) => sub.name()), ...optionsOf(command), ...parents];
}

function optionsOf(command: Command): readonly string[] {
  return command.options.flatMap((option) => (option.hidden ? [] : [option.long ?? []])).flat();
}

function quoted(words: readonly string[]): string {
  return `'${[...words, "--help"].join(" ")}'`;
}
