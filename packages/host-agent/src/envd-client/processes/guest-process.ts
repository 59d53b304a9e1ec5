/**
 * A process of a guest, followed while it runs: its events in order, and what is done to it meanwhile.
 *
 * It belongs to the guest, not to who follows it: when the signal is aborted, or the connection breaks, it runs on, and can be attached
 * again. Whoever does not take its events holds it back. Nothing is lost silently: what cannot be told any more is an error.
 */
import { type CallOptions, Code } from "@connectrpc/connect";
import { process } from "@roost/protocol/envd";
import { RoostError } from "@roost/protocol/errors";
import { localCause, saidByGuest } from "../connect-transport.ts";
import { exitCodeOf } from "../exec/exit-code.ts";
import type { ProcessClient } from "../exec/follow.ts";
import { neverRan } from "../exec/start-refusal.ts";
import { guestRefusal, malformedAnswer } from "../guest-failure.ts";
import type { GuestLimits } from "../guest-limits.ts";
import { interpret } from "../process-events.ts";
import { streamHeaders } from "../user-headers.ts";
import { ProcessInput } from "./process-input.ts";
import type { ProcessAttach, ProcessEvent, ProcessStart, TerminalSize } from "./process-types.ts";
import { signalProcess } from "./signal-process.ts";

/** Of `Connect`'s answer: how many bytes nobody has read, and were not kept either. */
const DROPPED_HEADER = "roost-output-dropped";
/** Between asking a process to end and killing it. */
const STOP_GRACE_MS = 5_000;

export interface ProcessContext {
  readonly client: ProcessClient;
  readonly limits: GuestLimits;
  /** A name for a process that no other has. */
  readonly newTag: () => string;
}

export class GuestProcess {
  readonly #context: ProcessContext;
  readonly #asked: ProcessStart | ProcessAttach;
  readonly #tag: string;
  readonly #failed = new AbortController();
  /** The caller's, and our own. */
  readonly #ends: AbortSignal;
  #pid = 0;
  #input: ProcessInput | undefined;
  #killing: NodeJS.Timeout | undefined;

  constructor(context: ProcessContext, asked: ProcessStart | ProcessAttach, signal: AbortSignal) {
    this.#context = context;
    this.#asked = asked;
    this.#tag = tagOf(asked, context);
    this.#ends = AbortSignal.any([signal, this.#failed.signal]);
  }

  /**
   * To be read once, to its end: `started` (unless the command could not be run), output, `ended`.
   * @throws RoostError `not_found` (there is no such process), `invalid_request`, `host_failed`; the signal's reason.
   */
  async *events(): AsyncGenerator<ProcessEvent> {
    try {
      yield* this.#follow();
    } catch (error) {
      this.#ends.throwIfAborted();
      yield* this.#refused(error);
    } finally {
      // Also for input under way: there is nobody left to give it.
      this.#failed.abort();
    }
  }

  /** After `started`. Resolves when there is room for more. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#input?.write(bytes);
  }

  /** A terminal has no end of input: Ctrl-D is typed there. */
  closeInput(): void {
    this.#input?.close();
  }

  /** @param signal 1 to 31. One that has ended meanwhile is past caring. */
  async signal(signal: number): Promise<void> {
    await signalProcess(this.#context.client, this.#name(), signal, this.#ends).catch(ignoreMissing);
  }

  /** @throws RoostError `invalid_request` when it has no terminal. */
  async resize(size: TerminalSize): Promise<void> {
    const request = { process: { selector: this.#name() }, pty: { size } };
    try {
      await this.#context.client.update(request, { signal: this.#ends, timeoutMs: this.#context.limits.answerMs });
    } catch (error) {
      this.#ends.throwIfAborted();
      if (!saidByGuest(error)) throw localCause(error);
      if (error.code === Code.NotFound) return;
      if (error.code !== Code.InvalidArgument && error.code !== Code.FailedPrecondition) {
        throw guestRefusal(error.rawMessage);
      }
      throw new RoostError("invalid_request", "This process has no terminal that could be given another size.");
    }
  }

  /** Asks it to end, and kills it when it does not; also when nobody follows it any more. */
  async stop(): Promise<void> {
    if (this.#killing) return;
    const { client } = this.#context;
    const name = this.#name();
    const kill = (): void => {
      // The guest may be gone by then, and its process with it.
      void signalProcess(client, name, process.Signal.SIGKILL, new AbortController().signal).catch(() => {});
    };
    this.#killing = setTimeout(kill, STOP_GRACE_MS).unref();
    await this.signal(process.Signal.SIGTERM);
  }

  /** Ends `events` with this error. */
  fail(error: unknown): void {
    this.#failed.abort(error);
  }

  async *#follow(): AsyncGenerator<ProcessEvent> {
    let droppedBytes = 0;
    const stream = this.#open((headers) => {
      const told = Number(headers.get(DROPPED_HEADER) ?? 0);
      if (Number.isSafeInteger(told) && told > 0) droppedBytes = told;
    });
    for await (const { event } of stream) {
      const told = interpret(event);
      if (told?.case === "start" && this.#pid === 0) {
        this.#started(told.pid);
        yield { case: "started", pid: told.pid, tag: this.#tag, droppedBytes };
      } else if (told?.case === "pty") yield { case: "terminal", bytes: told.bytes };
      else if (told?.case === "stdout" || told?.case === "stderr") yield told;
      else if (told?.case === "end") {
        clearTimeout(this.#killing);
        yield { case: "ended", exitCode: exitCodeOf(told.end) };
        return;
      }
    }
    throw malformedAnswer("a process's stream ended without its end");
  }

  #open(onHeader: (headers: Headers) => void): AsyncIterable<{ event?: process.ProcessEvent | undefined }> {
    const { client, limits } = this.#context;
    const asked = this.#asked;
    const options = (user?: string): CallOptions => ({
      signal: this.#ends,
      headers: streamHeaders(user, limits),
      onHeader,
    });
    if (asked.case === "attach") return client.connect({ process: { selector: asked.name } }, options());
    const { cmd, args, env, cwd, user, stdin, terminal } = asked;
    return client.start(
      {
        process: { cmd, args: [...args], envs: { ...env }, ...(cwd === undefined ? {} : { cwd }) },
        tag: this.#tag,
        stdin,
        ...(terminal === undefined ? {} : { pty: { size: terminal } }),
      },
      options(user),
    );
  }

  #started(pid: number): void {
    this.#pid = pid;
    const asked = this.#asked;
    const inTerminal = asked.case === "attach" ? asked.terminal : asked.terminal !== undefined;
    this.#input = new ProcessInput({
      client: this.#context.client,
      pid,
      kind: inTerminal ? "pty" : "stdin",
      signal: this.#ends,
      onFailure: (error) => this.fail(error),
    });
  }

  /** What the guest said to it, as an end that a shell would tell, or as an error. */
  *#refused(error: unknown): Generator<ProcessEvent> {
    if (!saidByGuest(error)) throw localCause(error);
    if (this.#pid !== 0) throw guestRefusal(`the process was lost: ${error.rawMessage}`);
    if (this.#asked.case === "attach") {
      if (error.code === Code.NotFound) throw new RoostError("not_found", "There is no such process in the sandbox.");
      throw guestRefusal(error.rawMessage);
    }
    const never = neverRan(error, this.#asked.cmd);
    yield { case: this.#asked.terminal === undefined ? "stderr" : "terminal", bytes: never.words };
    yield { case: "ended", exitCode: never.exitCode };
  }

  #name() {
    return { case: "pid", value: this.#pid } as const;
  }
}

function tagOf(asked: ProcessStart | ProcessAttach, context: ProcessContext): string {
  if (asked.case === "start") return asked.tag ?? context.newTag();
  return asked.name.case === "tag" ? asked.name.value : "";
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof RoostError && error.code === "not_found")) throw error;
}
