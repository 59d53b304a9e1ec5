/** A command of `exec` that is followed: its output piece by piece, or collected; given up by who asked for it, it is killed. */
import type { ExecOptions, ExecResult } from "../exec.ts";
import type { Transport } from "../http/transport.ts";
import { SandboxProcesses } from "../processes.ts";
import { randomName } from "../random-name.ts";
import type { SignalName } from "../signals.ts";
import { CollectedOutput } from "./collected-output.ts";
import { Command } from "./command.ts";
import type { OutputChunk } from "./output-chunk.ts";

export class FollowedRun {
  readonly #command: Promise<Command>;
  readonly #signal: AbortSignal | undefined;
  readonly #processes: SandboxProcesses;
  readonly #tag: string;
  readonly #abort = (): void => void this.#giveUp();
  readonly #collected = new CollectedOutput();
  #chunks: AsyncGenerator<OutputChunk, void> | undefined;
  #result: Promise<ExecResult> | undefined;
  #timedOut = false;
  #durationMs = 0;

  constructor(
    transport: Transport,
    sandboxId: string,
    cmd: string,
    args: readonly string[],
    { timeoutSec, tag, ...options }: ExecOptions,
  ) {
    this.#signal = options.signal;
    this.#processes = new SandboxProcesses(transport, sandboxId);
    this.#tag = tag ?? `exec-${randomName()}`;
    this.#command = Command.start(transport, sandboxId, cmd, args, { ...options, tag: this.#tag });
    // Whoever reads or waits hears of it.
    this.#command.catch(() => undefined);
    this.#chunks = this.#read(timeoutSec);
    this.#signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** For one reader. */
  get chunks(): AsyncGenerator<OutputChunk, void> {
    if (this.#chunks === undefined) throw new TypeError("the output of a command is read once");
    const chunks = this.#chunks;
    this.#chunks = undefined;
    return chunks;
  }

  /** Collects what nobody else reads. */
  result(): Promise<ExecResult> {
    this.#result ??= this.#finish();
    return this.#result;
  }

  async kill(signal: SignalName): Promise<void> {
    await (await this.#command).kill(signal);
  }

  async #finish(): Promise<ExecResult> {
    if (this.#chunks !== undefined) for await (const chunk of this.chunks) this.#collected.add(chunk);
    const exitCode = await (await this.#command).wait();
    return {
      ...this.#collected.read(),
      exitCode: this.#timedOut ? null : exitCode,
      durationMs: this.#durationMs,
      timedOut: this.#timedOut,
    };
  }

  async *#read(timeoutSec: number | undefined): AsyncGenerator<OutputChunk, void> {
    let isLeft = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const command = await this.#command;
      const since = performance.now();
      if (timeoutSec !== undefined) timer = setTimeout(() => this.#runOutOfTime(command), timeoutSec * 1000);
      yield* { [Symbol.asyncIterator]: () => command[Symbol.asyncIterator]() };
      this.#durationMs = Math.round(performance.now() - since);
      isLeft = false;
    } catch (error) {
      // The command goes on: it can be attached again.
      isLeft = false;
      throw error;
    } finally {
      clearTimeout(timer);
      this.#signal?.removeEventListener("abort", this.#abort);
      if (isLeft) await this.#giveUp();
    }
  }

  #runOutOfTime(command: Command): void {
    this.#timedOut = true;
    void command.kill("SIGKILL");
  }

  /** Through another connection: its own may be gone, or full. What cannot be killed has ended, or its sandbox has. */
  async #giveUp(): Promise<void> {
    await this.#processes.kill({ tag: this.#tag }).catch(() => undefined);
    const command = await this.#command.catch(() => undefined);
    command?.detach();
  }
}
