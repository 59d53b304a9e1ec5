/** What stands after `./roost lab`. */
import { LauncherFailure } from "../failure.ts";

export type LabAction =
  | { readonly do: "up"; readonly hosts: number }
  | { readonly do: "sh" | "cut" | "boot"; readonly host: number }
  | { readonly do: "run"; readonly host: number; readonly argv: readonly [string, ...string[]] }
  | {
      readonly do: "cp";
      readonly host: number;
      readonly inside: string;
      readonly outside: string;
      readonly way: "in" | "out";
    }
  | { readonly do: "down" | "hold" };

export const LAB_USAGE = `Usage: ./roost lab ACTION

  up [HOSTS]            emulated host machines (one, if no number is given), this checkout in /root/roost
  sh [HOST]             a root shell there (host 1, if no number is given)
  run HOST -- COMMAND…  a command there, in the checkout: its input, output and exit status are yours
  cp FILE HOST:PATH     a file into a host; cp HOST:PATH FILE: out of it
  cut HOST              cut its power: what its disk was not told to keep is gone
  boot HOST             start it again from its disk
  down                  end all hosts; nothing is left

docs/lab.md tells what a lab is.
`;

export function parseLabAction(args: readonly string[]): LabAction {
  const [name = "", ...rest] = args;
  switch (name) {
    case "up":
      return { do: name, hosts: onlyHost(name, rest) };
    case "sh":
    case "cut":
    case "boot":
      return { do: name, host: onlyHost(name, rest) };
    case "run": {
      const [host = "", dashes, program, ...others] = rest;
      if (dashes !== "--" || program === undefined) throw new LauncherFailure(`it is ./roost lab run HOST -- COMMAND…`);
      return { do: name, host: hostNumber(host), argv: [program, ...others] };
    }
    case "cp":
      return parseCopy(rest);
    case "down":
    case "hold":
      if (rest.length > 0) throw new LauncherFailure(`./roost lab ${name} takes nothing further`);
      return { do: name };
    default:
      throw new LauncherFailure(`./roost lab does not know "${name}"\n${LAB_USAGE}`);
  }
}

function parseCopy(args: readonly string[]): LabAction {
  const [from = "", to = "", ...more] = args;
  const [into, out] = [insideOf(to), insideOf(from)];
  if (more.length === 0 && into !== undefined && out === undefined)
    return { do: "cp", ...into, outside: from, way: "in" };
  if (more.length === 0 && into === undefined && out !== undefined)
    return { do: "cp", ...out, outside: to, way: "out" };
  throw new LauncherFailure("it is ./roost lab cp FILE HOST:PATH, or ./roost lab cp HOST:PATH FILE");
}

function insideOf(word: string): { readonly host: number; readonly inside: string } | undefined {
  const found = /^([1-9]):(.+)$/s.exec(word);
  return found?.[2] === undefined ? undefined : { host: Number(found[1]), inside: found[2] };
}

function onlyHost(action: string, args: readonly string[]): number {
  if (args.length > 1) throw new LauncherFailure(`./roost lab ${action} takes one number`);
  return hostNumber(args[0] ?? "1");
}

function hostNumber(word: string): number {
  if (!/^[1-9]$/.test(word)) throw new LauncherFailure(`"${word}" is no host: they are numbered from 1 to 9`);
  return Number(word);
}
