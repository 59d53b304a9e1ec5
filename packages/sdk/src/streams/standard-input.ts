/** What a command reads: passed on at the pace at which the command takes it, then its end. */
import type { Conversation } from "./conversation.ts";

/** A stream ends the command's input with its own end. */
export type StandardInput = string | Uint8Array | ReadableStream<Uint8Array>;

type Taker = Pick<Conversation<{ readonly type: string }>, "say" | "pass" | "break">;

export class InputPump {
  readonly #source: ReadableStreamDefaultReader<Uint8Array> | undefined;

  /** Begins at once. A source that fails ends the conversation with its failure. */
  constructor(conversation: Taker, input: StandardInput | undefined) {
    if (input === undefined) return;
    const stream = input instanceof ReadableStream ? input : streamOf(input);
    this.#source = stream.getReader();
    this.#run(conversation, this.#source).catch((error: unknown) => conversation.break(error));
  }

  /** Nobody reads any more: its source hears it. */
  async stop(): Promise<void> {
    // One that has failed already has said so.
    await this.#source?.cancel().catch(() => undefined);
  }

  async #run(conversation: Taker, source: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    for (;;) {
      const { done, value } = await source.read();
      if (done) return await conversation.say({ type: "close_stdin" });
      await conversation.pass(value);
    }
  }
}

function streamOf(input: string | Uint8Array): ReadableStream<Uint8Array> {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
