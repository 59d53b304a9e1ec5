/** Files over RPC: whole ones up to a limit, and streams of any size. One way through the sandboxes for both. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { passedOn } from "@roost/protocol/bulk-bytes";
import { RoostError } from "@roost/protocol/errors";
import type { FileTarget, StreamReadFileResponseSchema, StreamWriteFileRequest } from "@roost/protocol/hostagent";
import { ByteBlocks } from "../envd-client/byte-blocks.ts";
import type { HostSandboxes } from "./host-sandboxes.ts";

/** Of a file in one message. */
const WHOLE_FILE_BYTES = 16 * 1024 * 1024;
/** Of a file in a stream, per message. */
const PIECE_BYTES = 64 * 1024;

/** A file that came in one message, as a stream. @throws RoostError `payload_too_large` */
export async function* wholeUpload(data: Uint8Array): AsyncGenerator<Uint8Array> {
  if (data.length > WHOLE_FILE_BYTES) throw tooLarge();
  yield data;
}

export interface Upload {
  readonly target: FileTarget | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Takes the target off the front of an upload. */
export async function uploadChunks(requests: AsyncIterable<StreamWriteFileRequest>): Promise<Upload> {
  const iterator = requests[Symbol.asyncIterator]();
  const first = await iterator.next();
  const part = first.done === true ? undefined : first.value.part;
  const target = part?.case === "target" ? part.value : undefined;
  return { target, chunks: chunksOf({ [Symbol.asyncIterator]: () => iterator }) };
}

/**
 * The chunks up to the mark of the end, an empty one. The end of the stream does not tell: a Node client whose source failed, or
 * whose caller left, ends its request in the ordinary way before it resets it, and half of a file must not become one.
 */
async function* chunksOf(requests: AsyncIterable<StreamWriteFileRequest>): AsyncGenerator<Uint8Array> {
  for await (const { part } of requests) {
    if (part.case !== "chunk")
      throw new RoostError("invalid_request", "After its target, an upload holds chunks only.");
    if (part.value.length === 0) return;
    yield part.value;
    passedOn(part.value.length);
  }
  throw new RoostError("invalid_request", "The upload was cut off: an empty chunk did not mark its end.");
}

/** @throws RoostError `payload_too_large`, and what the sandboxes throw. */
export async function readWholeFile(
  sandboxes: HostSandboxes,
  id: string,
  path: string,
  user: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const content = new ByteBlocks();
  let size = 0;
  const { chunks } = await sandboxes.readFile(id, path, user, signal);
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > WHOLE_FILE_BYTES) throw tooLarge();
    content.append(chunk);
  }
  return content.join();
}

export async function* streamFile(
  sandboxes: HostSandboxes,
  id: string,
  path: string,
  user: string,
  signal: AbortSignal,
): AsyncGenerator<MessageInitShape<typeof StreamReadFileResponseSchema>> {
  const { size, chunks } = await sandboxes.readFile(id, path, user, signal);
  yield size === undefined ? {} : { sizeBytes: BigInt(size) };
  for await (const chunk of chunks) {
    for (let offset = 0; offset < chunk.length; offset += PIECE_BYTES) {
      yield { chunk: chunk.subarray(offset, offset + PIECE_BYTES) };
    }
    passedOn(chunk.length);
  }
}

function tooLarge(): RoostError {
  const limit = `${WHOLE_FILE_BYTES / 1024 / 1024} MiB`;
  return new RoostError("payload_too_large", `A file of more than ${limit} is read and written by the streams.`);
}
