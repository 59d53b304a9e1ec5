/** A command over a WebSocket: JSON both ways, and binary frames for input. */
import { RoostError } from "@roost/protocol/errors";
import type {
  CommandAttach,
  CommandEvent,
  CommandInput,
  CommandStart,
  OpenSandbox,
} from "../../sandboxes/sandboxes.ts";
import { EXEC_MESSAGES, signalNumber } from "../schemas/stream-messages.ts";
import { jsonMessages } from "./json-messages.ts";
import { processName } from "./process-name.ts";
import type { StreamMessage, StreamSocket } from "./stream-socket.ts";
import { type TextPiece, WholeCharacters } from "./whole-characters.ts";

const read = jsonMessages(EXEC_MESSAGES);

type Encoding = "utf-8" | "base64";

/** @throws RoostError, as `followCommand` does, and `invalid_request`; the reason of the socket's end. */
export async function talkExec(
  sandbox: Pick<OpenSandbox, "followCommand">,
  socket: StreamSocket,
  first: StreamMessage,
  rest: AsyncIterable<StreamMessage>,
): Promise<void> {
  const { opening, encoding } = openingOf(first);
  const teller = new Teller(socket, encoding);
  for await (const event of sandbox.followCommand(opening, inputsOf(rest), socket.left)) {
    await teller.tell(event);
  }
}

function openingOf(first: StreamMessage): { opening: CommandStart | CommandAttach; encoding: Encoding } {
  const message = read(first);
  switch (message.type) {
    case "start": {
      const { cmd, args, env, cwd, user, tag, stdin, encoding } = message;
      return { opening: { case: "start", cmd, args, env, cwd, user, tag, stdin, terminal: undefined }, encoding };
    }
    case "attach":
      return { opening: { case: "attach", name: processName(message), terminal: false }, encoding: message.encoding };
    default:
      throw new RoostError("invalid_request", "The first message must be a start or an attach.");
  }
}

async function* inputsOf(messages: AsyncIterable<StreamMessage>): AsyncGenerator<CommandInput> {
  for await (const message of messages)
    yield message.isBinary ? { case: "input", bytes: message.bytes } : inputOf(message);
}

function inputOf(text: StreamMessage): CommandInput {
  const message = read(text);
  switch (message.type) {
    case "stdin":
      return { case: "input", bytes: bytesOf(message.data, message.encoding) };
    case "close_stdin":
      return { case: "close-input" };
    case "signal":
      return { case: "signal", number: signalNumber(message.signal) };
    case "stop":
      return { case: "stop" };
    default:
      throw new RoostError("invalid_request", "A stream is for one command: open another for another.");
  }
}

function bytesOf(data: string, encoding: Encoding): Buffer {
  if (encoding === "utf-8") return Buffer.from(data, "utf8");
  const bytes = Buffer.from(data, "base64");
  // What is no base64 is skipped by the decoder, not refused.
  if (bytes.length !== Math.floor((data.replace(/=+$/, "").length * 3) / 4)) {
    throw new RoostError("invalid_request", "data must be base64.");
  }
  return bytes;
}

class Teller {
  readonly #socket: StreamSocket;
  readonly #encoding: Encoding;
  readonly #text = { stdout: new WholeCharacters(), stderr: new WholeCharacters() };

  constructor(socket: StreamSocket, encoding: Encoding) {
    this.#socket = socket;
    this.#encoding = encoding;
  }

  /** Resolves when there is room for the next. */
  async tell(event: CommandEvent): Promise<void> {
    switch (event.case) {
      case "started":
        return await this.#say({ type: "start", pid: event.pid, tag: event.tag, dropped_bytes: event.droppedBytes });
      case "ended":
        for (const type of ["stdout", "stderr"] as const) await this.#output(type, this.#text[type].end());
        return await this.#say({ type: "exit", exit_code: event.exitCode });
      default: {
        // What a terminal shows has no other name here.
        const type = event.case === "stderr" ? "stderr" : "stdout";
        return await this.#output(type, this.#piece(type, event.bytes));
      }
    }
  }

  #piece(type: "stdout" | "stderr", bytes: Uint8Array): TextPiece | undefined {
    if (this.#encoding === "utf-8") return this.#text[type].push(bytes);
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
    return { data, encoding: "base64" };
  }

  async #output(type: "stdout" | "stderr", piece: TextPiece | undefined): Promise<void> {
    if (piece) await this.#say({ type, ...piece });
  }

  #say(message: object): Promise<void> {
    return this.#socket.send(JSON.stringify(message));
  }
}
