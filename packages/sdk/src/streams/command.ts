/**
 * A command that runs in a sandbox, and the connection through which it is followed: `sandbox.start` and `sandbox.attach` give one. Its
 * output is read by iterating over it, once. Who reads slowly holds the command back, nothing is lost. When the connection is
 * gone, the command goes on: `sandbox.attach` takes it up again by its `tag` or `pid`.
 */
import type { CallOptions } from "../call-options.ts";
import type * as wire from "../gen/wire.ts";
import { route } from "../http/route.ts";
import type { Transport } from "../http/transport.ts";
import type { ProcessName, SignalName } from "../signals.ts";
import { Conversation } from "./conversation.ts";
import { OutputChunk } from "./output-chunk.ts";
import { InputPump, type StandardInput } from "./standard-input.ts";

export interface StartOptions extends CallOptions {
  /** Added to the sandbox's own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Default: the user's home. */
  readonly cwd?: string | undefined;
  /** Default: the sandbox's default user. */
  readonly user?: string | undefined;
  /** A name to attach it by: a letter, then letters, digits, `.`, `_` and `-`. Default: the server makes one up. */
  readonly tag?: string | undefined;
  /** What the command reads; then its input ends. Default: nothing. A stream is read as fast as the command reads. */
  readonly stdin?: StandardInput | undefined;
}

export interface AttachOptions extends CallOptions {
  /** What the command reads from now on; then its input ends. Default: nothing is sent, and its input stays open. */
  readonly stdin?: StandardInput | undefined;
}

type Started = Extract<wire.ExecStreamEvent, { readonly type: "start" }>;

export class Command implements AsyncIterable<OutputChunk>, Disposable {
  readonly pid: number;
  readonly tag: string;
  /** Of its output so far, what nobody has read and was not kept. */
  readonly droppedBytes: number;
  readonly #conversation: Conversation<wire.ExecStreamEvent>;
  readonly #input: InputPump;
  readonly #output: AsyncGenerator<OutputChunk, void>;
  #exitCode: number | undefined;

  private constructor(
    conversation: Conversation<wire.ExecStreamEvent>,
    started: Started,
    input: StandardInput | undefined,
  ) {
    this.pid = started.pid;
    this.tag = started.tag;
    this.droppedBytes = started.dropped_bytes;
    this.#conversation = conversation;
    this.#input = new InputPump(conversation, input);
    this.#output = this.#read();
  }

  static async start(
    transport: Transport,
    sandboxId: string,
    cmd: string,
    args: readonly string[],
    { env, cwd, user, tag, stdin, signal }: StartOptions,
  ): Promise<Command> {
    const first = { type: "start", cmd, args, env, cwd, user, tag, stdin: stdin !== undefined };
    return await Command.#open(transport, sandboxId, first, stdin, signal);
  }

  static async attach(
    transport: Transport,
    sandboxId: string,
    process: ProcessName,
    { stdin, signal }: AttachOptions,
  ): Promise<Command> {
    return await Command.#open(transport, sandboxId, { type: "attach", ...process }, stdin, signal);
  }

  static async #open(
    transport: Transport,
    sandboxId: string,
    first: object,
    stdin: StandardInput | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Command> {
    const path = route`/v1/sandboxes/${sandboxId}/exec/stream`;
    const conversation = await Conversation.open<wire.ExecStreamEvent>(transport, path, first, signal);
    try {
      for (;;) {
        const event = await conversation.hear();
        if ("type" in event && event.type === "start") return new Command(conversation, event, stdin);
      }
    } catch (error) {
      conversation[Symbol.dispose]();
      throw error;
    }
  }

  /** 128 + n when signal n ended it; 127: no such command. Undefined until its output was read to the end. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** One reader has all of it. Leaving it early leaves the command running, and the connection. */
  [Symbol.asyncIterator](): AsyncIterator<OutputChunk> {
    return { next: () => this.#output.next() };
  }

  /** Its exit status, once it has ended. Output that nobody has read until then is dropped. */
  async wait(): Promise<number> {
    for await (const _ of this);
    if (this.#exitCode === undefined) throw new TypeError("the command was let go of before it had ended");
    return this.#exitCode;
  }

  /** Sends a signal to the command and all of its group. */
  async kill(signal: SignalName = "SIGKILL"): Promise<void> {
    await this.#conversation.say({ type: "signal", signal });
  }

  /** SIGTERM, and SIGKILL if it still runs five seconds later. */
  async stop(): Promise<void> {
    await this.#conversation.say({ type: "stop" });
  }

  /** Ends the connection; the command goes on. */
  detach(): void {
    this.#conversation[Symbol.dispose]();
    void this.#input.stop();
  }

  [Symbol.dispose](): void {
    this.detach();
  }

  async *#read(): AsyncGenerator<OutputChunk, void> {
    try {
      for (;;) {
        const event = await this.#conversation.hear();
        if (!("type" in event)) continue;
        if (event.type === "exit") {
          this.#exitCode = event.exit_code;
          return;
        }
        if (event.type !== "start") yield new OutputChunk(event.type, event.data, event.encoding ?? "utf-8");
      }
    } finally {
      this.detach();
    }
  }
}
