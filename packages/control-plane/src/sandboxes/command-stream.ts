/**
 * A command of a sandbox, followed while it runs. Both ways at the pace of the slower end: who does not take what it says holds it back,
 * and what it does not read waits. A caller that leaves leaves it running.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { passedOn } from "@roost/protocol/bulk-bytes";
import { RoostError } from "@roost/protocol/errors";
import type { ExecStreamRequestSchema, ExecStreamResponse } from "@roost/protocol/hostagent";
import { asHostError, type HostAgentClient } from "../hosts/hosts.ts";
import { hostForgot } from "./host-of.ts";

export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** By number, or by the name that it was started with. */
export type ProcessName =
  | { readonly case: "pid"; readonly value: number }
  | { readonly case: "tag"; readonly value: string };

export interface CommandStart {
  readonly case: "start";
  readonly cmd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly user: string | undefined;
  readonly tag: string | undefined;
  readonly stdin: boolean;
  /** In a terminal of this size. */
  readonly terminal: TerminalSize | undefined;
}

export interface CommandAttach {
  readonly case: "attach";
  readonly name: ProcessName;
  readonly terminal: boolean;
}

/** What is done to a command that runs. */
export type CommandInput =
  | { readonly case: "input"; readonly bytes: Uint8Array }
  | { readonly case: "close-input" }
  | { readonly case: "signal"; readonly number: number }
  | { readonly case: "resize"; readonly size: TerminalSize }
  | { readonly case: "stop" };

export type CommandEvent =
  | { readonly case: "started"; readonly pid: number; readonly tag: string; readonly droppedBytes: number }
  | { readonly case: "stdout" | "stderr" | "terminal"; readonly bytes: Uint8Array }
  /** Always the last. */
  | { readonly case: "ended"; readonly exitCode: number };

type Request = MessageInitShape<typeof ExecStreamRequestSchema>;

/**
 * @param inputs taken as fast as they get through to the host; what they throw ends the stream, and is thrown.
 * @throws RoostError `not_found` (also: no process to attach), `not_running`, `sandbox_paused`, `invalid_request`, `host_unavailable`, …
 */
export async function* followCommand(
  client: HostAgentClient,
  id: string,
  opening: CommandStart | CommandAttach,
  inputs: AsyncIterable<CommandInput>,
  signal: AbortSignal,
): AsyncGenerator<CommandEvent> {
  const requests = new Requests(openingRequest(id, opening), inputs);
  // Ended by us, not read to its end: what is still on its way to a command that has ended would keep the call open.
  const over = new AbortController();
  try {
    const answers = client.execStream(requests.all(), { signal: AbortSignal.any([signal, over.signal]) });
    for await (const { event } of answers) {
      const told = eventOf(event);
      if (told === undefined) continue;
      yield told;
      if (told.case === "ended") return;
      if ("bytes" in told) passedOn(told.bytes.length);
    }
    throw new RoostError("host_failed", "The host ended the stream before the command had ended.");
  } catch (error) {
    throw requests.failure?.error ?? failureOf(error, opening);
  } finally {
    requests.end();
    over.abort();
  }
}

/** The messages to the host, and why they broke off: the other side only knows that they did. */
class Requests {
  failure: { readonly error: unknown } | undefined;
  readonly #first: Request;
  readonly #inputs: AsyncIterator<CommandInput>;
  readonly #over = Promise.withResolvers<{ readonly done: true; readonly value: undefined }>();

  constructor(first: Request, inputs: AsyncIterable<CommandInput>) {
    this.#first = first;
    this.#inputs = inputs[Symbol.asyncIterator]();
  }

  async *all(): AsyncGenerator<Request> {
    yield this.#first;
    try {
      for (;;) {
        const { done, value } = await Promise.race([this.#inputs.next(), this.#over.promise]);
        if (done === true) return;
        yield inputRequest(value);
        if (value.case === "input") passedOn(value.bytes.length);
      }
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }

  /** Nothing more is to be said. A request that waits for more would keep its call, and the agent's end of it, open. */
  end(): void {
    this.#over.resolve({ done: true, value: undefined });
  }
}

function openingRequest(sandboxId: string, opening: CommandStart | CommandAttach): Request {
  if (opening.case === "attach") {
    const { name, terminal } = opening;
    return { message: { case: "attach", value: { sandboxId, process: { selector: name }, terminal } } };
  }
  const { cmd, args, env, cwd = "", user = "", tag = "", stdin, terminal } = opening;
  const same = { sandboxId, cmd, args: [...args], env: { ...env }, cwd, user, tag, stdin };
  return { message: { case: "start", value: { ...same, ...(terminal === undefined ? {} : { terminal }) } } };
}

function inputRequest(input: CommandInput): Request {
  switch (input.case) {
    case "input":
      return { message: { case: "input", value: input.bytes } };
    case "close-input":
      return { message: { case: "closeInput", value: {} } };
    case "signal":
      return { message: { case: "signal", value: input.number } };
    case "resize":
      return { message: { case: "resize", value: input.size } };
    case "stop":
      return { message: { case: "stop", value: {} } };
  }
}

function eventOf(event: ExecStreamResponse["event"]): CommandEvent | undefined {
  switch (event.case) {
    case "started": {
      const { pid, tag, droppedBytes } = event.value;
      return { case: "started", pid, tag, droppedBytes: Number(droppedBytes) };
    }
    case "ended":
      return { case: "ended", exitCode: event.value.exitCode };
    case undefined:
      return undefined;
    default:
      return { case: event.case, bytes: event.value };
  }
}

/** What an attach does not find is the process; what a start does not find is the sandbox. */
function failureOf(error: unknown, opening: CommandStart | CommandAttach): RoostError {
  const failure = asHostError(error);
  return opening.case === "attach" ? failure : hostForgot(failure);
}
