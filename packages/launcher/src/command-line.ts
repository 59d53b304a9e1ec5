/** What stands after `./roost`, for the commands that are the launcher's own; all others `./roost` hands to the CLI. */
import { LAB_USAGE, type LabAction, parseLabAction } from "./commands/lab-action.ts";
import { LauncherFailure } from "./failure.ts";

export type Command =
  | { readonly name: "up"; readonly detach: boolean; readonly json: boolean }
  | { readonly name: "dev" }
  | { readonly name: "supervise" }
  | { readonly name: "down" }
  | { readonly name: "install" }
  | { readonly name: "config"; readonly json: boolean }
  | { readonly name: "admin"; readonly args: readonly string[] }
  | { readonly name: "backup" | "restore"; readonly file: string }
  | { readonly name: "test"; readonly scope: TestScope; readonly files: readonly string[] }
  | { readonly name: "bench"; readonly args: readonly string[] }
  | { readonly name: "lab"; readonly action: LabAction }
  | { readonly name: "help"; readonly text: string };

/** `usual`: for every change; `all`: the long ones, too; `lab`: only those of the lab (emulated hosts). */
export type TestScope = "usual" | "all" | "lab";

export const USAGE = `Usage: ./roost COMMAND

  up [--detach] [--json]       install what is missing, then run a Roost: PostgreSQL, control plane, host agent.
                               In the foreground until Ctrl-C; --detach returns once it is ready.
                               --json prints one last line: url, api_key, admin_email, admin_password
  down                         pause running sandboxes, stop everything, leave nothing running
  dev                          as up, and restart a server when its sources change
  test [--all|--lab] [FILE…]   every check and test; --all takes the long ones along, FILEs only those
  bench [--only ROW,…] [--rounds N] [--json]
                               how long it takes to create, pause, resume …, beside the same by hand: docs/bench.md
  lab ACTION                   emulated host machines to try things on: ./roost lab --help tells more
  install                      only install what is missing
  admin COMMAND …              what only this machine's owner may do: ./roost admin lists it
  backup FILE                  the database, the secret and the credentials in one file, also while Roost runs
  restore FILE                 make this Roost, which is down and empty, the one that the backup was made of
  config [--json]              every setting of client and servers, with what is in force

Everything else is the command line client: ./roost create, ls, exec, cp, rm, logs …
(./roost COMMAND --help tells more). Settings come from the environment or from .env: docs/operations.md.
`;

export function parseCommandLine(args: readonly string[]): Command {
  const [name = "help", ...rest] = args;
  if (name === "lab") {
    const asks = rest.length === 0 || rest[0] === "--help" || rest[0] === "-h";
    return asks ? { name: "help", text: LAB_USAGE } : { name, action: parseLabAction(rest) };
  }
  // Its options are its own.
  if (name === "admin") return { name, args: rest };
  if (rest.includes("--help") || rest.includes("-h")) return { name: "help", text: USAGE };
  switch (name) {
    case "up": {
      const { flags } = split(name, rest, ["--detach", "--json"], false);
      return { name, detach: flags.has("--detach"), json: flags.has("--json") };
    }
    case "test": {
      const { flags, others } = split(name, rest, ["--all", "--lab"], true);
      if (flags.size > 1) throw new LauncherFailure("--all and --lab do not go together");
      return { name, scope: flags.has("--all") ? "all" : flags.has("--lab") ? "lab" : "usual", files: others };
    }
    case "bench":
      // What the rows are, the benchmark knows.
      return { name, args: rest };
    case "backup":
    case "restore": {
      const [file, ...more] = split(name, rest, [], true).others;
      if (file === undefined || more.length > 0) throw new LauncherFailure(`say one file: ./roost ${name} FILE`);
      return { name, file };
    }
    case "config": {
      const { flags } = split(name, rest, ["--json"], false);
      return { name, json: flags.has("--json") };
    }
    case "down":
    case "dev":
    case "install":
    case "supervise":
      split(name, rest, [], false);
      return { name };
    case "help":
    case "--help":
    case "-h":
      return { name: "help", text: USAGE };
    default:
      throw new LauncherFailure(`"${name}" is not a command of the launcher: ./roost --help lists them`);
  }
}

function split(
  command: string,
  args: readonly string[],
  known: readonly string[],
  takesFiles: boolean,
): { flags: Set<string>; others: string[] } {
  const flags = new Set<string>();
  const others: string[] = [];
  for (const arg of args) {
    if (known.includes(arg)) flags.add(arg);
    else if (takesFiles && !arg.startsWith("-")) others.push(arg);
    else throw new LauncherFailure(`./roost ${command} does not know "${arg}": ./roost --help lists what it knows`);
  }
  return { flags, others };
}
