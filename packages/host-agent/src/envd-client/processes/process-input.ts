/**
 * A process's input, given to it as fast as it reads. What comes while the process has still to read is put together, up to a limit,
 * so that typing and small writes cost one call each only when there is nobody to wait for.
 *
 * In pieces, each a call of its own, for the reason that `exec/input.ts` tells.
 */
import { Code } from "@connectrpc/connect";
import { localCause, saidByGuest } from "../connect-transport.ts";
import type { ProcessClient } from "../exec/follow.ts";
import { guestRefusal } from "../guest-failure.ts";

/** Of one call. */
const PIECE_BYTES = 256 * 1024;
/** What may wait here for the process to read: beyond it whoever writes has to wait. */
const QUEUE_BYTES = 1024 * 1024;

export interface InputParts {
  readonly client: ProcessClient;
  readonly pid: number;
  readonly kind: "stdin" | "pty";
  /** Aborted when nobody has anything to say to the process any more. */
  readonly signal: AbortSignal;
  /** Told once, when the guest does not take the input. That the process reads no more is no failure. */
  readonly onFailure: (error: unknown) => void;
}

export class ProcessInput {
  readonly #parts: InputParts;
  readonly #queue: Uint8Array[] = [];
  #queued = 0;
  #closing = false;
  /** Nobody reads any more: what comes is dropped. */
  #over = false;
  #sending = false;
  #room = Promise.withResolvers<void>();

  constructor(parts: InputParts) {
    this.#parts = parts;
    parts.signal.addEventListener("abort", () => this.#end(), { once: true });
  }

  /** Resolves when there is room for more. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#over || this.#closing || bytes.length === 0) return;
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    void this.#send();
    while (this.#queued > QUEUE_BYTES) await this.#room.promise;
  }

  /** The process reads the end of its input after what was written before. */
  close(): void {
    this.#closing = true;
    void this.#send();
  }

  async #send(): Promise<void> {
    if (this.#sending || this.#over) return;
    this.#sending = true;
    try {
      while (this.#queued > 0) await this.#sendPiece();
      if (this.#closing) await this.#close();
    } catch (error) {
      const gone = this.#over;
      this.#end();
      if (!gone && !readsNoMore(error)) this.#parts.onFailure(inputFailure(error));
    } finally {
      this.#sending = false;
    }
  }

  async #sendPiece(): Promise<void> {
    const { client, pid, kind, signal } = this.#parts;
    const piece = this.#takePiece();
    const input = { input: { case: kind, value: piece } } as const;
    await client.sendInput({ process: { selector: { case: "pid", value: pid } }, input }, { signal });
    // Only now: what is under way waits, too.
    this.#queued -= piece.length;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }

  async #close(): Promise<void> {
    const { client, pid, signal } = this.#parts;
    await client.closeStdin({ process: { selector: { case: "pid", value: pid } } }, { signal });
    this.#end();
  }

  /** As much of the front of the queue as fits into one call. */
  #takePiece(): Uint8Array {
    const first = this.#queue.shift() ?? new Uint8Array();
    if (first.length > PIECE_BYTES) {
      this.#queue.unshift(first.subarray(PIECE_BYTES));
      return first.subarray(0, PIECE_BYTES);
    }
    const taken = [first];
    let size = first.length;
    for (let next = this.#queue[0]; next && size + next.length <= PIECE_BYTES; next = this.#queue[0]) {
      taken.push(next);
      size += next.length;
      this.#queue.shift();
    }
    return taken.length === 1 ? first : Buffer.concat(taken, size);
  }

  #end(): void {
    this.#over = true;
    this.#queue.length = 0;
    this.#queued = 0;
    this.#room.resolve();
  }
}

/** The process ended, closed its input, or never had one. */
function readsNoMore(error: unknown): boolean {
  return saidByGuest(error) && (error.code === Code.NotFound || error.code === Code.FailedPrecondition);
}

function inputFailure(error: unknown): unknown {
  if (saidByGuest(error)) return guestRefusal(`input for the process: ${error.rawMessage}`);
  return localCause(error);
}
