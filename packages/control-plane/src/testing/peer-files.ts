/** How a peer takes in a file that is sent to it. */
import { RoostError } from "@roost/protocol/errors";
import type { FileTarget, StreamWriteFileRequest } from "@roost/protocol/hostagent";

/** @throws RoostError when the stream ended without its mark. */
export async function receiveFile(
  messages: AsyncIterable<StreamWriteFileRequest>,
  onTarget: (target: FileTarget) => void,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let ended = false;
  for await (const { part } of messages) {
    if (part.case === "target") onTarget(part.value);
    if (part.case === "chunk") {
      chunks.push(part.value);
      ended = part.value.length === 0;
    }
  }
  if (!ended) throw new RoostError("invalid_request", "The upload was cut off.");
  return Buffer.concat(chunks);
}
