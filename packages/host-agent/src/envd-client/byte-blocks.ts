/**
 * Bytes gathered in blocks, not as the pieces they came in: whoever sends single bytes would else cost us a hundred times what he
 * sends.
 */
const BLOCK_BYTES = 64 * 1024;

export class ByteBlocks {
  readonly #full: Buffer[] = [];
  #last = Buffer.alloc(0);
  #used = 0;

  append(bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#used === this.#last.length) this.#newBlock();
      const piece = bytes.subarray(offset, offset + this.#last.length - this.#used);
      this.#last.set(piece, this.#used);
      this.#used += piece.length;
      offset += piece.length;
    }
  }

  join(): Buffer<ArrayBuffer> {
    return Buffer.concat([...this.#full, this.#last.subarray(0, this.#used)]);
  }

  #newBlock(): void {
    if (this.#used > 0) this.#full.push(this.#last);
    this.#last = Buffer.allocUnsafe(BLOCK_BYTES);
    this.#used = 0;
  }
}
