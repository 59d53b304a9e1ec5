/**
 * Files in and out of a sandbox: the agent's streams, with a size limit. An upload passes through chunk by chunk; a download
 * is collected first, for only then is it known to be whole and within the limit.
 */
import { RoostError } from "@roost/protocol/errors";
import { asHostError } from "../hosts/hosts.ts";
import { Blocks } from "./blocks.ts";
import { clientOfRunning } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";

export interface FilePlace {
  readonly path: string;
  /** The sandbox's default user when absent. */
  readonly user?: string | undefined;
}

/** For the whole of a file: 100 MB take this long at 170 kB a second. */
const TRANSFER_TIMEOUT_MS = 600_000;
/** Well below what a single message may hold. */
const CHUNK_BYTES = 256 * 1024;

/**
 * The file is there whole, or, after any error, not at all.
 * @throws RoostError `not_found`, `not_running`, `payload_too_large`, `invalid_request`, `disk_full`, `host_unavailable`, `host_failed`.
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
  const upload = new Upload(targetOf(id, place), limited(content, parts.fileBytes));
  try {
    await client.streamWriteFile(upload.messages(), { signal, timeoutMs: TRANSFER_TIMEOUT_MS });
  } catch (error) {
    throw upload.sourceFailure ?? asHostError(error);
  }
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

/** @throws RoostError as `writeSandboxFile` does; `not_found` also when there is no such file. */
export async function readSandboxFile(
  parts: SandboxParts,
  teamId: string,
  id: string,
  place: FilePlace,
  signal: AbortSignal,
): Promise<Buffer> {
  const client = await clientOfRunning(parts, teamId, id);
  const content = new Blocks();
  // Leaving the loop does not end the call, nor the timer that a `timeoutMs` sets; only its signal does.
  const reading = new AbortController();
  const ends = AbortSignal.any([signal, reading.signal, AbortSignal.timeout(TRANSFER_TIMEOUT_MS)]);
  try {
    const answers = client.streamReadFile({ target: targetOf(id, place) }, { signal: ends });
    for await (const { chunk } of answers) {
      if (content.size + chunk.length > parts.fileBytes) throw tooLarge(parts.fileBytes);
      content.append(chunk);
    }
  } catch (error) {
    throw asHostError(error);
  } finally {
    reading.abort();
  }
  return content.join();
}

function targetOf(sandboxId: string, place: FilePlace) {
  return { sandboxId, path: place.path, user: place.user ?? "" };
}

async function* limited(content: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const piece of content) {
    size += piece.length;
    if (size > limit) throw tooLarge(limit);
    for (let start = 0; start < piece.length; start += CHUNK_BYTES) yield piece.subarray(start, start + CHUNK_BYTES);
  }
}

function tooLarge(limit: number): RoostError {
  return new RoostError("payload_too_large", `A file of these routes has at most ${limit} bytes.`);
}
