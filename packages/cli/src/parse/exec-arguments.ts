/**
 * `roost exec [options] ID [options] COMMAND ARGS…`: all from COMMAND on belongs to the command, also what looks like an
 * option of ours. Commander knows that only of what follows a `--`, so we put the one in that the user left out:
 * `exec sb-x bash -i` becomes `exec sb-x -- bash -i`.
 */

/** `takesValue` says of an option as written (`--env`, `-e`) whether the next argument is its value. */
export function separateCommand(args: readonly string[], takesValue: (option: string) => boolean): string[] {
  const words: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? "";
    if (argument === "--") break;
    if (argument.startsWith("-") && argument !== "-") {
      if (valueFollows(argument, takesValue)) index += 1;
      continue;
    }
    if (words.length === 2) return [...args.slice(0, index), "--", ...args.slice(index)];
    words.push(argument);
    if (words[0] !== "exec") break;
  }
  return [...args];
}

function valueFollows(argument: string, takesValue: (option: string) => boolean): boolean {
  if (argument.startsWith("--")) return takesValue(argument);
  // `-e K=V`, `-ie K=V`; but of `-eK=V` the value is here already.
  const letters = argument.slice(1);
  const first = [...letters].findIndex((letter) => takesValue(`-${letter}`));
  return first !== -1 && first === letters.length - 1;
}
