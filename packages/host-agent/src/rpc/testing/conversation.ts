/** A command followed over RPC, for tests: what is said to it, and what it answers. */
import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { createWritableIterable } from "@connectrpc/connect/protocol";
import type { ExecStreamRequestSchema, ExecStreamResponse, HostAgent } from "@roost/protocol/hostagent";
import { SANDBOX_ID } from "./rpc-rig.ts";

type Request = MessageInitShape<typeof ExecStreamRequestSchema>;
type Event = ExecStreamResponse["event"];

export class Conversation implements AsyncDisposable {
  readonly #caller = new AbortController();
  readonly #said = createWritableIterable<Request>();
  readonly #answers: AsyncIterator<ExecStreamResponse>;

  constructor(client: Client<typeof HostAgent>) {
    const answers = client.execStream(this.#said, { signal: this.#caller.signal });
    this.#answers = answers[Symbol.asyncIterator]();
  }

  /** In a shell, with its input open. */
  static shell(client: Client<typeof HostAgent>, script: string, more: object = {}): Conversation {
    const conversation = new Conversation(client);
    const start = { sandboxId: SANDBOX_ID, cmd: "/bin/sh", args: ["-c", script], stdin: true, ...more };
    void conversation.say({ case: "start", value: start });
    return conversation;
  }

  static attach(client: Client<typeof HostAgent>, pid: number): Conversation {
    const conversation = new Conversation(client);
    const process = { selector: { case: "pid" as const, value: pid } };
    void conversation.say({ case: "attach", value: { sandboxId: SANDBOX_ID, process } });
    return conversation;
  }

  /** Resolves when there is room for more; for good when the other side has ended. */
  async say(message: NonNullable<Request["message"]>): Promise<void> {
    await this.#said.write({ message }).catch(() => {});
  }

  input(text: string | Uint8Array): Promise<void> {
    return this.say({ case: "input", value: Buffer.from(text) });
  }

  async next(): Promise<Event> {
    const { done, value } = await this.#answers.next();
    if (done === true) return assert.fail("the stream ended");
    return value.event;
  }

  async started(): Promise<{ pid: number; tag: string; droppedBytes: bigint }> {
    const event = await this.next();
    return event.case === "started" ? event.value : assert.fail(`${event.case} instead of a start`);
  }

  /** Output of all kinds, until this text was in it. */
  async until(text: string): Promise<string> {
    let all = "";
    while (!all.includes(text)) {
      const event = await this.next();
      if (event.case === "ended" || event.case === undefined) return assert.fail(`ended after ${JSON.stringify(all)}`);
      if (event.case !== "started") all += Buffer.from(event.value).toString();
    }
    return all;
  }

  /** The rest of it: output by kind, and the exit code. The stream ends after it. */
  async rest(): Promise<{ stdout: Buffer; stderr: Buffer; terminal: Buffer; exitCode: number }> {
    const output = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[], terminal: [] as Uint8Array[] };
    for (;;) {
      const event = await this.next();
      if (event.case === "ended") {
        assert.equal((await this.#answers.next()).done, true);
        const joined = (kind: keyof typeof output): Buffer => Buffer.concat(output[kind]);
        const { exitCode } = event.value;
        return { stdout: joined("stdout"), stderr: joined("stderr"), terminal: joined("terminal"), exitCode };
      }
      if (event.case === "stdout" || event.case === "stderr" || event.case === "terminal") {
        output[event.case].push(event.value);
      }
    }
  }

  leave(): void {
    this.#caller.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    this.#said.close();
  }
}
