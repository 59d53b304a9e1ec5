/**
 * A command followed over RPC: its events go out, what is done to it comes in, each at its own pace.
 *
 *   opening ──▶ guest in use ──▶ started ──▶ events ⇉ caller, input ⇇ caller ──▶ ended
 *                    └─ the caller leaves, the guest is taken away, the agent stops: the stream ends, the command runs on
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { passedOn } from "@roost/protocol/bulk-bytes";
import { RoostError } from "@roost/protocol/errors";
import type { ExecStreamRequest, ExecStreamResponseSchema } from "@roost/protocol/hostagent";
import type { GuestProcess, ProcessEvent } from "../envd-client/envd-client.ts";
import type { HostSandboxes } from "./host-sandboxes.ts";
import { opening, signalNumber, terminalSize } from "./opening.ts";

type Answer = MessageInitShape<typeof ExecStreamResponseSchema>;

/** @param left aborted when the caller leaves, or the agent stops. */
export async function* execStream(
  sandboxes: Pick<HostSandboxes, "guest">,
  requests: AsyncIterable<ExecStreamRequest>,
  left: AbortSignal,
): AsyncGenerator<Answer> {
  const messages = requests[Symbol.asyncIterator]();
  const first = await messages.next();
  const { sandboxId, asked } = opening(first.done === true ? undefined : first.value);
  using guest = sandboxes.guest(sandboxId);
  const process = guest.envd.openProcess(asked, AbortSignal.any([left, guest.taken]));
  for await (const event of process.events()) {
    // What comes before is for nobody yet, and waits on its way.
    if (event.case === "started") void obey(messages, process);
    yield answerOf(event);
    if ("bytes" in event) passedOn(event.bytes.length);
  }
}

/** Until the caller has no more to say. It may say nothing for ever, and still listen. */
async function obey(messages: AsyncIterator<ExecStreamRequest>, process: GuestProcess): Promise<void> {
  try {
    for await (const { message } of { [Symbol.asyncIterator]: () => messages }) await carryOut(message, process);
  } catch (error) {
    // That the caller has left is told by its signal, too; whichever comes first.
    process.fail(error);
  }
}

async function carryOut(message: ExecStreamRequest["message"], process: GuestProcess): Promise<void> {
  switch (message.case) {
    case "input":
      passedOn(message.value.length);
      return await process.write(message.value);
    case "closeInput":
      return process.closeInput();
    case "signal":
      return await process.signal(signalNumber(message.value));
    case "resize":
      return await process.resize(terminalSize(message.value));
    case "stop":
      return await process.stop();
    default:
      throw new RoostError("invalid_request", "After the first message come input, signals, sizes, and stop.");
  }
}

function answerOf(event: ProcessEvent): Answer {
  switch (event.case) {
    case "started": {
      const { pid, tag, droppedBytes } = event;
      return { event: { case: "started", value: { pid, tag, droppedBytes: BigInt(droppedBytes) } } };
    }
    case "ended":
      return { event: { case: "ended", value: { exitCode: event.exitCode } } };
    default:
      return { event: { case: event.case, value: event.bytes } };
  }
}
