/** The first message of a followed command, and what names a process, checked. */
import { RoostError } from "@roost/protocol/errors";
import type { ExecStreamRequest, ProcessSelector, TerminalSize as WireSize } from "@roost/protocol/hostagent";
import type { ProcessAttach, ProcessName, ProcessStart, TerminalSize } from "../envd-client/envd-client.ts";
import { checkCommand, sandboxId } from "./validation.ts";

/** Begins with no digit, so that it is never taken for a number. */
const TAG = /^[A-Za-z_][A-Za-z0-9._-]{0,127}$/;
/** What Linux's terminals can have. */
const MOST_CELLS = 65_535;
const LAST_SIGNAL = 31;

export interface Opening {
  readonly sandboxId: string;
  readonly asked: ProcessStart | ProcessAttach;
}

/** @param first undefined: the caller left without a word. */
export function opening(first: ExecStreamRequest | undefined): Opening {
  switch (first?.message.case) {
    case "start": {
      const { sandboxId: id, cmd, args, env, cwd, user, tag, stdin, terminal } = first.message.value;
      checkCommand({ cmd, args, env, cwd, user });
      if (tag !== "" && !TAG.test(tag))
        refuse("A tag is a letter, then letters, digits, dots, hyphens and underscores.");
      const asked: ProcessStart = {
        case: "start",
        cmd,
        args,
        env,
        stdin,
        ...(cwd === "" ? {} : { cwd }),
        ...(user === "" ? {} : { user }),
        ...(tag === "" ? {} : { tag }),
        ...(terminal === undefined ? {} : { terminal: terminalSize(terminal) }),
      };
      return { sandboxId: sandboxId(id), asked };
    }
    case "attach": {
      const { sandboxId: id, process, terminal } = first.message.value;
      return { sandboxId: sandboxId(id), asked: { case: "attach", name: processName(process), terminal } };
    }
    default:
      return refuse("The first message must start a command, or attach one.");
  }
}

export function processName(process: ProcessSelector | undefined): ProcessName {
  const selector = process?.selector;
  if (selector?.case === "pid" && selector.value > 0) return { case: "pid", value: selector.value };
  if (selector?.case === "tag" && TAG.test(selector.value)) return { case: "tag", value: selector.value };
  return refuse("A process is named by its pid or its tag.");
}

export function terminalSize({ cols, rows }: WireSize): TerminalSize {
  if ([cols, rows].some((cells) => cells < 1 || cells > MOST_CELLS)) {
    refuse(`A terminal has 1 to ${MOST_CELLS} columns and rows.`);
  }
  return { cols, rows };
}

export function signalNumber(number: number): number {
  if (number < 1 || number > LAST_SIGNAL) refuse(`A signal is a number from 1 to ${LAST_SIGNAL}.`);
  return number;
}

function refuse(sentence: string): never {
  throw new RoostError("invalid_request", sentence);
}
