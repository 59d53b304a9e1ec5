/**
 * Bytes copied into blocks as they come. The pieces themselves are not kept: each is a view into the whole message, or the whole
 * packet, that it came in, so that a guest which sends its file in single bytes would cost a hundred times its size (N4).
 */
const BLOCK_BYTES = 256 * 1024;

export class Blocks {
  size = 0;
  readonly #full: Buffer[] = [];
  #last = Buffer.alloc(0);
  #used = 0;

  append(bytes: Uint8Array): void {
    this.size += bytes.length;
    for (let offset = 0; offset < bytes.length; ) {
      if (this.#used === this.#last.length) this.#newBlock();
      const piece = bytes.subarray(offset, offset + this.#last.length - this.#used);
      this.#last.set(piece, this.#used);
      this.#used += piece.length;
      offset += piece.length;
    }
  }

  /** All of it, in one. */
  join(): Buffer {
    return Buffer.concat([...this.#full, this.#last.subarray(0, this.#used)]);
  }

  #newBlock(): void {
    if (this.#used > 0) this.#full.push(this.#last);
    this.#last = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#used = 0;
  }
}
