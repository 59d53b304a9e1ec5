/**
 * A terminal in a sandbox, and the connection through which it is seen: `sandbox.pty` and `sandbox.attachPty` give one. What it shows is
 * read by iterating over it, once, and holds for its bytes what holds for a command's.
 */
import type { CallOptions } from "../call-options.ts";
import type * as wire from "../gen/wire.ts";
import { route } from "../http/route.ts";
import type { Transport } from "../http/transport.ts";
import type { ProcessName, SignalName } from "../signals.ts";
import { Conversation } from "./conversation.ts";

export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

export interface PtyOptions extends CallOptions {
  /** Default: 80 by 24. */
  readonly size?: TerminalSize | undefined;
  /** Default: the user's shell, as at a login. */
  readonly cmd?: string | undefined;
  readonly args?: readonly string[] | undefined;
  /** Added to the sandbox's own environment. `TERM` says what kind of terminal shows it. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly user?: string | undefined;
  /** A name to attach it by. Default: the server makes one up. */
  readonly tag?: string | undefined;
}

export interface AttachPtyOptions extends CallOptions {
  /** Default: as it is. */
  readonly size?: TerminalSize | undefined;
}

type Started = Extract<wire.PtyEvent, { readonly type: "start" }>;
const USUAL_SIZE: TerminalSize = { cols: 80, rows: 24 };

export class Terminal implements AsyncIterable<Uint8Array>, Disposable {
  readonly pid: number;
  readonly tag: string;
  /** Of what it has shown so far, what nobody has seen and was not kept. */
  readonly droppedBytes: number;
  readonly #conversation: Conversation<wire.PtyEvent>;
  readonly #output: AsyncGenerator<Uint8Array, void>;
  #exitCode: number | undefined;

  private constructor(conversation: Conversation<wire.PtyEvent>, started: Started) {
    this.pid = started.pid;
    this.tag = started.tag;
    this.droppedBytes = started.dropped_bytes;
    this.#conversation = conversation;
    this.#output = this.#read();
  }

  static async start(transport: Transport, sandboxId: string, options: PtyOptions): Promise<Terminal> {
    const { size = USUAL_SIZE, cmd, args, env, cwd, user, tag, signal } = options;
    const first = { type: "start", cols: size.cols, rows: size.rows, cmd, args, env, cwd, user, tag };
    return await Terminal.#open(transport, sandboxId, first, signal);
  }

  static async attach(
    transport: Transport,
    sandboxId: string,
    process: ProcessName,
    { size, signal }: AttachPtyOptions,
  ): Promise<Terminal> {
    const first = { type: "attach", ...process, cols: size?.cols, rows: size?.rows };
    return await Terminal.#open(transport, sandboxId, first, signal);
  }

  static async #open(
    transport: Transport,
    sandboxId: string,
    first: object,
    signal: AbortSignal | undefined,
  ): Promise<Terminal> {
    const path = route`/v1/sandboxes/${sandboxId}/pty`;
    const conversation = await Conversation.open<wire.PtyEvent>(transport, path, first, signal);
    try {
      for (;;) {
        const event = await conversation.hear();
        if ("type" in event && event.type === "start") return new Terminal(conversation, event);
      }
    } catch (error) {
      conversation[Symbol.dispose]();
      throw error;
    }
  }

  /** Of its command; undefined until what it shows was read to the end. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** One reader has all of it. Leaving it early leaves the terminal running, and the connection. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#output.next() };
  }

  /** Types. Resolves when there is room for more. */
  async write(input: string | Uint8Array): Promise<void> {
    await this.#conversation.pass(typeof input === "string" ? new TextEncoder().encode(input) : input);
  }

  async resize({ cols, rows }: TerminalSize): Promise<void> {
    await this.#conversation.say({ type: "resize", cols, rows });
  }

  /** Sends a signal to its command and all of its group. */
  async kill(signal: SignalName = "SIGKILL"): Promise<void> {
    await this.#conversation.say({ type: "signal", signal });
  }

  /** SIGTERM, and SIGKILL if it still runs five seconds later. */
  async stop(): Promise<void> {
    await this.#conversation.say({ type: "stop" });
  }

  /** Its command's exit status, once it has ended. What nobody has read until then is dropped. */
  async wait(): Promise<number> {
    for await (const _ of this);
    if (this.#exitCode === undefined) throw new TypeError("the terminal was let go of before its command had ended");
    return this.#exitCode;
  }

  /** Ends the connection; what runs in the terminal goes on. */
  detach(): void {
    this.#conversation[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.detach();
  }

  async *#read(): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        const event = await this.#conversation.hear();
        if (!("type" in event)) yield event;
        else if (event.type === "exit") {
          this.#exitCode = event.exit_code;
          return;
        }
      }
    } finally {
      this.detach();
    }
  }
}
