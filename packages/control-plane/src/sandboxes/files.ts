/** Files in and out of a sandbox, as streams of any size; those of one request are the same streams with a limit. */
import { passedOn } from "@roost/protocol/bulk-bytes";
import { RoostError } from "@roost/protocol/errors";
import type { StreamReadFileResponse } from "@roost/protocol/hostagent";
import { asHostError } from "../hosts/hosts.ts";
import { Blocks } from "./blocks.ts";
import { targetOf } from "./file-tree.ts";
import { clientOfRunning, noteUse } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";

export interface FilePlace {
  readonly path: string;
  /** The sandbox's default user when absent. */
  readonly user?: string | undefined;
}

/** For the whole of a limited file: 100 MB take this long at 170 kB a second. */
const TRANSFER_TIMEOUT_MS = 600_000;
/** Well below what a single message may hold. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Of any size, at the pace of the slowest on the way, and never held as a whole. The file is there whole, or, after any error, not at all.
 * @throws RoostError `not_found`, `not_running`, `sandbox_paused`, `invalid_request`, `disk_full`, `host_unavailable`, `host_failed`; what
 * the content throws.
 */
export async function writeSandboxFile(
  parts: SandboxParts,
  teamId: string,
  id: string,
  place: FilePlace,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const client = await clientOfRunning(parts, teamId, id);
  const upload = new Upload(targetOf(id, place), inPieces(content));
  try {
    await client.streamWriteFile(upload.messages(), { signal });
  } catch (error) {
    throw upload.sourceFailure ?? asHostError(error);
  } finally {
    noteUse(parts, teamId, id);
  }
}

/** The same, up to the limit of one request. @throws also `payload_too_large`. */
export function writeSmallSandboxFile(
  parts: SandboxParts,
  teamId: string,
  id: string,
  place: FilePlace,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(TRANSFER_TIMEOUT_MS)]);
  return writeSandboxFile(parts, teamId, id, place, limited(content, parts.fileBytes), inTime);
}

/** What a file is sent as: its target, its chunks, its end. */
class Upload {
  /** Why the file itself did not come to its end. The other side only knows that the stream broke off. */
  sourceFailure: unknown;
  readonly #target: ReturnType<typeof targetOf>;
  readonly #chunks: AsyncGenerator<Uint8Array>;

  constructor(target: ReturnType<typeof targetOf>, chunks: AsyncGenerator<Uint8Array>) {
    this.#target = target;
    this.#chunks = chunks;
  }

  async *messages() {
    try {
      yield { part: { case: "target" as const, value: this.#target } };
      for (let chunk = await this.#next(); chunk; chunk = await this.#next()) {
        yield { part: { case: "chunk" as const, value: chunk } };
        passedOn(chunk.length);
      }
      // An HTTP/2 stream that is broken off looks, in Node, as if it had ended: an empty chunk says that it really has.
      yield { part: { case: "chunk" as const, value: new Uint8Array() } };
    } finally {
      await this.#chunks.return(undefined);
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#chunks.next();
      return done ? undefined : value;
    } catch (error) {
      this.sourceFailure = error;
      throw error;
    }
  }
}

export interface FileDownload {
  /** When the host told it beforehand; then exactly so many bytes come, or an error. */
  readonly size: number | undefined;
  /** To be read to its end, or left. An error part-way is thrown: a file never ends short. */
  readonly chunks: AsyncGenerator<Uint8Array>;
}

/** Of any size. @throws RoostError as `writeSandboxFile` does, also from the chunks; `not_found` also when there is no such file. */
export async function readSandboxFile(
  parts: SandboxParts,
  teamId: string,
  id: string,
  place: FilePlace,
  signal: AbortSignal,
): Promise<FileDownload> {
  const client = await clientOfRunning(parts, teamId, id);
  // Leaving the loop does not end the call; only its signal does.
  const over = new AbortController();
  const answers = client
    .streamReadFile({ target: targetOf(id, place) }, { signal: AbortSignal.any([signal, over.signal]) })
    [Symbol.asyncIterator]();
  try {
    // The first message is there before any byte is: what the host refuses is refused here.
    const first = await answers.next();
    if (first.done === true) throw new RoostError("host_failed", "The host did not begin with the file.");
    const { sizeBytes, chunk } = first.value;
    const size = sizeBytes === undefined ? undefined : Number(sizeBytes);
    return { size, chunks: chunksOf(chunk, answers, over) };
  } catch (error) {
    over.abort();
    throw asHostError(error);
  }
}

async function* chunksOf(
  first: Uint8Array,
  answers: AsyncIterator<StreamReadFileResponse>,
  over: AbortController,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.length > 0) yield first;
    for await (const { chunk } of { [Symbol.asyncIterator]: () => answers }) {
      yield chunk;
      passedOn(chunk.length);
    }
  } catch (error) {
    throw asHostError(error);
  } finally {
    over.abort();
  }
}

/**
 * The same whole, up to the limit of one request: only when it is here is it known to be whole and within the limit.
 * @throws also `payload_too_large`.
 */
export async function readSmallSandboxFile(
  parts: SandboxParts,
  teamId: string,
  id: string,
  place: FilePlace,
  signal: AbortSignal,
): Promise<Buffer> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(TRANSFER_TIMEOUT_MS)]);
  const { size = 0, chunks } = await readSandboxFile(parts, teamId, id, place, inTime);
  const content = new Blocks();
  try {
    if (size > parts.fileBytes) throw tooLarge(parts.fileBytes);
    for await (const chunk of limited(chunks, parts.fileBytes)) content.append(chunk);
  } finally {
    await chunks.return(undefined);
  }
  return content.join();
}

async function* limited(content: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const piece of content) {
    size += piece.length;
    if (size > limit) throw tooLarge(limit);
    yield piece;
  }
}

async function* inPieces(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of content) {
    for (let start = 0; start < piece.length; start += CHUNK_BYTES) yield piece.subarray(start, start + CHUNK_BYTES);
  }
}

function tooLarge(limit: number): RoostError {
  return new RoostError(
    "payload_too_large",
    `A file of this route has at most ${limit} bytes; files/stream takes any size.`,
  );
}
