/** QMP, as a script speaks it. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const RETRY_MS = 2;

interface Message {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: { readonly status?: string };
}

export class Qmp implements Disposable {
  readonly #socket: Socket;
  #answer = Promise.withResolvers<Message>();
  #migrated = Promise.withResolvers<void>();
  #rest = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8").on("data", (text: string) => this.#hear(text));
    socket.on("close", () => {
      const gone = new Error("QEMU has ended");
      this.#answer.reject(gone);
      this.#migrated.reject(gone);
    });
    this.#migrated.promise.catch(() => {});
    this.#answer.promise.catch(() => {});
  }

  /** As soon as QEMU listens. */
  static async connect(path: string, signal: AbortSignal): Promise<Qmp> {
    for (;;) {
      signal.throwIfAborted();
      const socket = connect(path);
      try {
        await once(socket, "connect");
        const qmp = new Qmp(socket);
        await qmp.execute("qmp_capabilities");
        return qmp;
      } catch {
        socket.destroy();
        await pause(RETRY_MS);
      }
    }
  }

  async execute(command: string, args: object = {}): Promise<unknown> {
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const { return: value, error } = await this.#answer.promise;
    if (error) throw new Error(`QEMU: ${command}: ${error.desc}`);
    return value;
  }

  /** To be asked for before the migration begins. */
  migrated(): Promise<void> {
    this.#migrated = Promise.withResolvers();
    this.#migrated.promise.catch(() => {});
    return this.#migrated.promise;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #migration(status: string | undefined): void {
    if (status === "completed") this.#migrated.resolve();
    if (status === "failed") this.#migrated.reject(new Error("QEMU: the migration has failed"));
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = JSON.parse(line) as Message;
      if (message.event === "MIGRATION") this.#migration(message.data?.status);
      if (message.return === undefined && message.error === undefined) continue;
      const { resolve } = this.#answer;
      this.#answer = Promise.withResolvers();
      this.#answer.promise.catch(() => {});
      resolve(message);
    }
  }
}
