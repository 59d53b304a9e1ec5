/**
 * What `sandbox.exec` gives: awaited, the command's result; iterated over, its output as it comes, and awaited after that, how it ended.
 *
 * What is asked for first, in the same turn as the call, decides how it runs. Only awaited, it is one request: the server watches the
 * time, and ends the command when its caller is gone. Iterated over, killed, or with input that fits no request, it is followed over a
 * WebSocket: for hours if need be, at the reader's pace, and whatever it writes.
 */
import { type ExecOptions, type ExecResult, type ExecWire, execFromWire, execToWire, inputAsText } from "./exec.ts";
import { readJson } from "./http/answer.ts";
import { route } from "./http/route.ts";
import { jsonBody, type Transport } from "./http/transport.ts";
import type { SignalName } from "./signals.ts";
import { FollowedRun } from "./streams/followed-run.ts";
import type { OutputChunk } from "./streams/output-chunk.ts";

/** Why a promise was rejected, as the platform has it. */
type Reason = Parameters<NonNullable<Parameters<Promise<unknown>["catch"]>[0]>>[0];

export class Execution implements Promise<ExecResult>, AsyncIterable<OutputChunk> {
  readonly [Symbol.toStringTag] = "Execution";
  readonly #request: () => Promise<ExecResult>;
  readonly #follow: () => FollowedRun;
  #requested: Promise<ExecResult> | undefined;
  #followed: FollowedRun | undefined;

  constructor(
    transport: Transport,
    sandboxId: string,
    cmd: string,
    args: readonly string[],
    { stdin, ...options }: ExecOptions,
  ) {
    this.#follow = () => new FollowedRun(transport, sandboxId, cmd, args, { ...options, stdin });
    const input = inputAsText(stdin);
    if (input === undefined || options.tag !== undefined) this.#followed = this.#follow();
    this.#request = async () => {
      const body = jsonBody(execToWire(cmd, args, options, input?.text));
      const path = route`/v1/sandboxes/${sandboxId}/exec`;
      const request = { method: "POST", path, body, repeat: "never", signal: options.signal } as const;
      return execFromWire(await transport.send(request, readJson<ExecWire>));
    };
    queueMicrotask(() => {
      if (this.#followed === undefined) this.#requested ??= this.#request();
    });
  }

  // biome-ignore lint/suspicious/noThenProperty: it is awaited, that is what it is for.
  then<Result = ExecResult, Failure = never>(
    fulfilled?: ((result: ExecResult) => Result | PromiseLike<Result>) | null,
    rejected?: ((reason: Reason) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Result | Failure> {
    return this.#result().then(fulfilled, rejected);
  }

  catch<Failure = never>(
    rejected?: ((reason: Reason) => Failure | PromiseLike<Failure>) | null,
  ): Promise<ExecResult | Failure> {
    return this.#result().catch(rejected);
  }

  finally(settled?: (() => void) | null): Promise<ExecResult> {
    return this.#result().finally(settled);
  }

  /** Its output as it comes, for one reader, who holds the command back by reading slowly. Leaving early kills the command. */
  [Symbol.asyncIterator](): AsyncGenerator<OutputChunk, void> {
    return this.#following().chunks;
  }

  /** Sends a signal to the command and all of its group. */
  async kill(signal: SignalName = "SIGKILL"): Promise<void> {
    await this.#following().kill(signal);
  }

  #result(): Promise<ExecResult> {
    if (this.#followed !== undefined) return this.#followed.result();
    this.#requested ??= this.#request();
    return this.#requested;
  }

  #following(): FollowedRun {
    if (this.#requested !== undefined) {
      throw new TypeError(
        "this command is under way as one request: begin to iterate in the same turn as exec() is called, or use start()",
      );
    }
    this.#followed ??= this.#follow();
    return this.#followed;
  }
}
