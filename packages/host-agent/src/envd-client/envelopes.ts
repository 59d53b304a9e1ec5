/**
 * A stream's body, cut into whole envelopes (five bytes of head, then a message), before Connect sees it.
 *
 * Connect's own decoder keeps a list of the pieces it waits with and adds them up at every new one: a guest that sends a large
 * message byte by byte would buy a lot of our time. Here a message is gathered in one buffer of its announced size.
 */
import { GuestUnreachable, malformedAnswer } from "./guest-failure.ts";

const HEAD_BYTES = 5;
const END_OF_STREAM = 0b10;

/** @throws when a message is larger than `limitBytes`, or the body ends without its end-of-stream envelope. */
export async function* wholeEnvelopes(
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number,
): AsyncGenerator<Uint8Array> {
  let envelope = Buffer.alloc(HEAD_BYTES);
  let filled = 0;
  let ended = false;
  for await (const chunk of chunks) {
    let offset = 0;
    while (offset < chunk.length) {
      const take = Math.min(chunk.length - offset, envelope.length - filled);
      envelope.set(chunk.subarray(offset, offset + take), filled);
      filled += take;
      offset += take;
      if (filled === HEAD_BYTES && envelope.length === HEAD_BYTES) {
        const size = envelope.readUInt32BE(1);
        if (size > limitBytes) throw malformedAnswer(`a message of ${size} bytes`);
        if (size > 0) envelope = Buffer.concat([envelope], HEAD_BYTES + size);
      }
      if (filled < envelope.length) continue;
      ended = ((envelope[0] ?? 0) & END_OF_STREAM) !== 0;
      yield envelope;
      envelope = Buffer.alloc(HEAD_BYTES);
      filled = 0;
    }
  }
  if (filled > 0 || !ended) throw new GuestUnreachable("its stream was cut");
}
