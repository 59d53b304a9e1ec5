/** Gives a process its standard input as one stream of pieces, as fast as it reads them, and closes it. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { process } from "@roost/protocol/envd";
import type { ProcessClient } from "./follow.ts";

const PIECE_BYTES = 64 * 1024;

type Part = MessageInitShape<typeof process.StreamInputRequestSchema>;

export async function feedInput(
  client: ProcessClient,
  tag: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  await client.streamInput(parts(tag, bytes), { signal });
  await client.closeStdin({ process: { selector: { case: "tag", value: tag } } }, { signal });
}

async function* parts(tag: string, bytes: Uint8Array): AsyncGenerator<Part> {
  yield { event: { case: "start", value: { process: { selector: { case: "tag", value: tag } } } } };
  for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES) {
    const stdin = bytes.subarray(offset, offset + PIECE_BYTES);
    yield { event: { case: "data", value: { input: { input: { case: "stdin", value: stdin } } } } };
  }
}
