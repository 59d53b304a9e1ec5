/**
 * A stream of bytes as text, piece by piece: a character that was split between two pieces is kept until it is whole. A piece that is no
 * UTF-8 is told as base64, so that every byte arrives as it was.
 */
import { isUtf8 } from "node:buffer";

export interface TextPiece {
  readonly data: string;
  /** Absent: `data` is the text itself. */
  readonly encoding?: "base64";
}

export class WholeCharacters {
  /** The beginning of a character: at most three bytes. */
  #begun: Buffer = Buffer.alloc(0);

  /** Undefined: there is nothing to tell yet. */
  push(piece: Uint8Array): TextPiece | undefined {
    const bytes = this.#begun.length > 0 ? Buffer.concat([this.#begun, piece]) : asBuffer(piece);
    const whole = bytes.length - begunBytes(bytes);
    const text = bytes.subarray(0, whole);
    if (!isUtf8(text)) {
      this.#begun = Buffer.alloc(0);
      return { data: bytes.toString("base64"), encoding: "base64" };
    }
    this.#begun = Buffer.from(bytes.subarray(whole));
    return whole === 0 ? undefined : { data: text.toString("utf8") };
  }

  /** What was begun and never came to be whole. */
  end(): TextPiece | undefined {
    if (this.#begun.length === 0) return undefined;
    const data = this.#begun.toString("base64");
    this.#begun = Buffer.alloc(0);
    return { data, encoding: "base64" };
  }
}

/** How many bytes at the end begin a character that is longer. */
function begunBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    return lengthFrom(byte) > back ? back : 0;
  }
  return 0;
}

/** Of the character that begins with this byte. */
function lengthFrom(byte: number): number {
  if (byte >= 0xf0) return byte <= 0xf4 ? 4 : 1;
  if (byte >= 0xe0) return 3;
  return byte >= 0xc2 ? 2 : 1;
}

function asBuffer(piece: Uint8Array): Buffer {
  return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
}
