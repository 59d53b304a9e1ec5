/**
 * A stream's body, cut at the borders of envelopes (five bytes of head, then a message), before Connect sees it.
 *
 * Connect's own decoder keeps a list of the pieces it waits with and adds them up at every new one: a guest that sends a large
 * message byte by byte would buy a lot of our time. Here such a message is gathered in one buffer of its announced size.
 *
 * And Connect takes whatever envelopes are there one after the other, without letting anything else happen in between: a guest that
 * floods us with small ones would have the agent for itself. Here they are passed on a few at a time.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { GuestUnreachable, malformedAnswer } from "./guest-failure.ts";

const HEAD_BYTES = 5;
const END_OF_STREAM = 0b10;
/** As many envelopes take some milliseconds; then it is others' turn. */
const ENVELOPES_A_TURN = 64;

/** @throws when a message is larger than `limitBytes`, or the body ends without its end-of-stream envelope. */
export async function* wholeEnvelopes(chunks: AsyncIterable<Buffer>, limitBytes: number): AsyncGenerator<Buffer> {
  const cutter = new Cutter(limitBytes);
  for await (const chunk of chunks) {
    for (const envelopes of cutter.cut(chunk)) {
      yield envelopes;
      await nextTurn();
    }
  }
  if (!cutter.atEnd) throw new GuestUnreachable("its stream was cut");
}

class Cutter {
  readonly #limitBytes: number;
  /** An envelope of which a part is still to come, and how much of it is here. */
  #gathering = Buffer.alloc(HEAD_BYTES);
  #gathered = 0;
  #ended = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get atEnd(): boolean {
    return this.#ended && this.#gathered === 0;
  }

  /** What of this chunk completes envelopes; the rest is kept. */
  *cut(chunk: Buffer): Generator<Buffer> {
    let rest = chunk;
    while (rest.length > 0) {
      const whole = this.#gathered === 0 ? this.#wholeAtFront(rest) : 0;
      if (whole > 0) {
        yield rest.subarray(0, whole);
        rest = rest.subarray(whole);
      } else {
        rest = this.#gather(rest);
        const complete = this.#takeGathered();
        if (complete !== undefined) yield complete;
      }
    }
  }

  /** How many bytes at the front are whole envelopes, as many as may be passed on at once. */
  #wholeAtFront(bytes: Buffer): number {
    let whole = 0;
    for (let count = 0; count < ENVELOPES_A_TURN && bytes.length - whole >= HEAD_BYTES; count++) {
      const next = whole + HEAD_BYTES + this.#messageSize(bytes, whole);
      if (next > bytes.length) break;
      this.#ended = isEnd(bytes, whole);
      whole = next;
    }
    return whole;
  }

  /** Takes what is missing of a head, or of the message behind it; answers with what is left. */
  #gather(bytes: Buffer): Buffer {
    const taken = bytes.copy(this.#gathering, this.#gathered);
    this.#gathered += taken;
    if (this.#gathered === HEAD_BYTES && this.#gathering.length === HEAD_BYTES) {
      this.#gathering = Buffer.concat([this.#gathering], HEAD_BYTES + this.#messageSize(this.#gathering, 0));
    }
    return bytes.subarray(taken);
  }

  #takeGathered(): Buffer | undefined {
    if (this.#gathered < this.#gathering.length) return undefined;
    const complete = this.#gathering;
    this.#ended = isEnd(complete, 0);
    this.#gathering = Buffer.alloc(HEAD_BYTES);
    this.#gathered = 0;
    return complete;
  }

  #messageSize(bytes: Buffer, offset: number): number {
    const size = bytes.readUInt32BE(offset + 1);
    if (size > this.#limitBytes) throw malformedAnswer(`a message of ${size} bytes`);
    return size;
  }
}

function isEnd(bytes: Buffer, offset: number): boolean {
  return (bytes.readUInt8(offset) & END_OF_STREAM) !== 0;
}
