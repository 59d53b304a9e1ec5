/**
 * Gives a process its standard input, as fast as it reads it, and closes it.
 *
 * In pieces, each a call of its own, not as one stream: a guest agent whose process stops reading answers at once and closes the
 * connection, and what it answered to a request that is still being sent may never arrive.
 */
import type { ProcessClient } from "./follow.ts";

const PIECE_BYTES = 256 * 1024;

export async function feedInput(
  client: ProcessClient,
  tag: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const process = { selector: { case: "tag", value: tag } } as const;
  for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES) {
    const stdin = bytes.subarray(offset, offset + PIECE_BYTES);
    await client.sendInput({ process, input: { input: { case: "stdin", value: stdin } } }, { signal });
  }
  await client.closeStdin({ process }, { signal });
}
