/**
 * A conversation in JSON lines over a Unix socket: requests are answered in their order, and events come in between. Both the
 * keeper and QEMU (QMP) speak so.
 *
 * The other side is not trusted: a line that is too long, or no JSON object, ends the connection.
 */
import { connect, type Socket } from "node:net";
import { RoostError } from "@roost/protocol/errors";

export type JsonObject = Readonly<Record<string, unknown>>;

export interface JsonLinesOptions {
  /** Who is at the other end, for error messages: "the keeper", "QEMU". */
  readonly peer: string;
  /** Whether a message is an answer to a request; what is not goes to `onEvent`. */
  readonly isAnswer: (message: JsonObject) => boolean;
  readonly onEvent: (event: JsonObject) => void;
  /** How long an answer may take, in ms. */
  readonly answerLimitMs: number;
}

interface Waiting {
  readonly resolve: (answer: JsonObject) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Longest line taken; real ones have a few hundred characters. */
const LINE_LIMIT = 65_536;

export class JsonLines implements Disposable {
  /** Settles when the connection has ended, for whatever cause. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #options: JsonLinesOptions;
  readonly #waiting: Waiting[] = [];
  #partial = "";

  private constructor(socket: Socket, options: JsonLinesOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#receive(text));
    socket.on("error", () => {}); // "close" follows.
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        for (const { reject, timer } of this.#waiting.splice(0)) {
          clearTimeout(timer);
          reject(this.#gone());
        }
        resolve();
      });
    });
  }

  /** `undefined`: nobody listens there. @throws RoostError `internal` when the socket cannot be reached for another cause. */
  static async connect(path: string, options: JsonLinesOptions): Promise<JsonLines | undefined> {
    const socket = connect(path);
    const connected = await new Promise<boolean>((resolve, reject) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", (cause: NodeJS.ErrnoException) => {
        if (cause.code === "ENOENT" || cause.code === "ECONNREFUSED") resolve(false);
        else reject(new RoostError("internal", `Cannot reach ${options.peer} at ${path}.`, { cause }));
      });
    });
    return connected ? new JsonLines(socket, options) : undefined;
  }

  get open(): boolean {
    return !this.#socket.destroyed;
  }

  /** @param limitMs how long this answer may take; default: as the connection was opened with. */
  ask(request: JsonObject, limitMs = this.#options.answerLimitMs): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      if (!this.open) {
        reject(this.#gone());
        return;
      }
      const timer = setTimeout(() => this.#socket.destroy(), limitMs);
      this.#waiting.push({ resolve, reject, timer });
      this.#socket.write(`${JSON.stringify(request)}\n`);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #gone(): RoostError {
    return new RoostError("internal", `The connection to ${this.#options.peer} has ended.`);
  }

  #receive(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#take(line);
    if (this.#partial.length > LINE_LIMIT) this.#socket.destroy();
  }

  #take(line: string): void {
    const message = line.length > LINE_LIMIT ? undefined : parseJsonObject(line);
    if (message === undefined) {
      this.#socket.destroy();
      return;
    }
    if (!this.#options.isAnswer(message)) {
      this.#options.onEvent(message);
      return;
    }
    const waiting = this.#waiting.shift();
    clearTimeout(waiting?.timer);
    waiting?.resolve(message);
  }
}

export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
