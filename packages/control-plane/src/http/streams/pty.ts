/** A terminal over a WebSocket: binary frames are what is typed and shown, text frames say the rest. */
import { RoostError } from "@roost/protocol/errors";
import type {
  CommandAttach,
  CommandEvent,
  CommandInput,
  CommandStart,
  OpenSandbox,
} from "../../sandboxes/sandboxes.ts";
import { PTY_MESSAGES, signalNumber } from "../schemas/stream-messages.ts";
import { jsonMessages } from "./json-messages.ts";
import { processName } from "./process-name.ts";
import type { StreamMessage, StreamSocket } from "./stream-socket.ts";

const read = jsonMessages(PTY_MESSAGES);
/** Only the sandbox knows which shell is the user's. */
const LOGIN_SHELL = { cmd: "/bin/sh", args: ["-c", '[ -x "$SHELL" ] && exec "$SHELL" -l; exec /bin/sh -l'] } as const;

/** @throws RoostError, as `followCommand` does, and `invalid_request`; the reason of the socket's end. */
export async function talkPty(
  sandbox: Pick<OpenSandbox, "followCommand">,
  socket: StreamSocket,
  first: StreamMessage,
  rest: AsyncIterable<StreamMessage>,
): Promise<void> {
  const { opening, before } = openingOf(first);
  for await (const event of sandbox.followCommand(opening, inputsOf(before, rest), socket.left)) {
    await socket.send(frameOf(event));
  }
}

function openingOf(first: StreamMessage): { opening: CommandStart | CommandAttach; before: CommandInput[] } {
  const message = read(first);
  switch (message.type) {
    case "start": {
      const { cols, rows, cmd, args, env, cwd, user, tag } = message;
      if (cmd === undefined && args.length > 0) throw new RoostError("invalid_request", "args need a cmd.");
      const command = cmd === undefined ? LOGIN_SHELL : { cmd, args };
      const terminal = { cols, rows };
      return { opening: { case: "start", ...command, env, cwd, user, tag, stdin: true, terminal }, before: [] };
    }
    case "attach": {
      const { cols, rows } = message;
      const opening = { case: "attach", name: processName(message), terminal: true } as const;
      if (cols === undefined && rows === undefined) return { opening, before: [] };
      if (cols === undefined || rows === undefined) {
        throw new RoostError("invalid_request", "A size is both cols and rows.");
      }
      return { opening, before: [{ case: "resize", size: { cols, rows } }] };
    }
    default:
      throw new RoostError("invalid_request", "The first message must be a start or an attach.");
  }
}

async function* inputsOf(
  before: readonly CommandInput[],
  messages: AsyncIterable<StreamMessage>,
): AsyncGenerator<CommandInput> {
  yield* before;
  for await (const message of messages)
    yield message.isBinary ? { case: "input", bytes: message.bytes } : inputOf(message);
}

function inputOf(text: StreamMessage): CommandInput {
  const message = read(text);
  switch (message.type) {
    case "resize":
      return { case: "resize", size: { cols: message.cols, rows: message.rows } };
    case "signal":
      return { case: "signal", number: signalNumber(message.signal) };
    case "stop":
      return { case: "stop" };
    default:
      throw new RoostError("invalid_request", "A stream is for one terminal: open another for another.");
  }
}

function frameOf(event: CommandEvent): string | Uint8Array {
  switch (event.case) {
    case "started":
      return JSON.stringify({ type: "start", pid: event.pid, tag: event.tag, dropped_bytes: event.droppedBytes });
    case "ended":
      return JSON.stringify({ type: "exit", exit_code: event.exitCode });
    default:
      return event.bytes;
  }
}
