/** A client of the WebSockets, for tests: what it hears is kept in order, and taken one by one. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientOptions, WebSocket } from "ws";
import type { Credentials } from "./api.ts";

// biome-ignore lint/suspicious/noExplicitAny: what a message is, the test says.
type Message = any;

export interface Ending {
  readonly code: number;
  readonly reason: string;
}

export class StreamClient implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly #heard: (Message | Buffer)[] = [];
  readonly #closed: Promise<Ending>;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(url: string, protocols: readonly string[] = [], options: ClientOptions = {}) {
    this.socket = new WebSocket(url.replace(/^http/, "ws"), [...protocols], options);
    this.socket.on("message", (data: Buffer, isBinary) => {
      this.#heard.push(isBinary ? data : JSON.parse(data.toString()));
      this.#wake?.();
    });
    this.socket.on("error", () => {});
    this.#closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => {
        this.#isOver = true;
        this.#wake?.();
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** With a key or a session in its header. */
  static async open(url: string, { key, session }: Credentials, options: ClientOptions = {}): Promise<StreamClient> {
    const credentials: Record<string, string> = {
      ...(key === undefined ? {} : { "X-API-Key": key }),
      ...(session === undefined ? {} : { Authorization: `Bearer ${session}` }),
    };
    const client = new StreamClient(url, [], { ...options, headers: { ...credentials, ...options.headers } });
    await once(client.socket, "open");
    return client;
  }

  say(message: object | Uint8Array | string): void {
    const text = typeof message === "string" || message instanceof Uint8Array;
    this.socket.send(text ? message : JSON.stringify(message));
  }

  /** The next message: parsed, or the bytes of a binary one. */
  async next(): Promise<Message> {
    for (;;) {
      const message = this.#heard.shift();
      if (message !== undefined) return message;
      if (this.#isOver) return assert.fail(`the stream ended: ${JSON.stringify(await this.#closed)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next message, which has to be of this type. */
  async expect(type: string): Promise<Message> {
    const message = await this.next();
    assert.equal(message.type, type, JSON.stringify(message));
    return message;
  }

  /** Output of all kinds, as text, until this was in it. */
  async until(text: string): Promise<string> {
    let all = "";
    while (!all.includes(text)) {
      const message = await this.next();
      assert.notEqual(message.type, "exit", `exit after ${JSON.stringify(all)}`);
      if (message instanceof Buffer) all += message;
      else if (message.data !== undefined) all += bytesOf(message);
    }
    return all;
  }

  /** Output until the exit, the exit code, and how the connection ended. */
  async rest(): Promise<{ stdout: Buffer; stderr: Buffer; exitCode: number; ending: Ending }> {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    for (;;) {
      const message = await this.next();
      if (message instanceof Buffer) stdout.push(message);
      else if (message.type === "stdout") stdout.push(bytesOf(message));
      else if (message.type === "stderr") stderr.push(bytesOf(message));
      else if (message.type === "exit") {
        const ending = await this.closed();
        return { stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr), exitCode: message.exit_code, ending };
      } else assert.equal(message.type, "start", JSON.stringify(message));
    }
  }

  closed(): Promise<Ending> {
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.#closed;
  }
}

function bytesOf({ data, encoding }: { data: string; encoding?: "base64" }): Buffer {
  return Buffer.from(data, encoding ?? "utf8");
}
