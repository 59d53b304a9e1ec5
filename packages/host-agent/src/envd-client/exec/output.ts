/**
 * A command's output, up to a limit shared by both streams. Kept in blocks, not as the pieces it came in: a guest that sends
 * single bytes would else cost a hundred times what it sends.
 */
const BLOCK_BYTES = 64 * 1024;

export class Output {
  truncated = false;
  #room: number;
  readonly #blocks = { stdout: new Blocks(), stderr: new Blocks() };

  constructor(limitBytes: number) {
    this.#room = limitBytes;
  }

  append(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    const kept = bytes.subarray(0, this.#room);
    if (kept.length < bytes.length) this.truncated = true;
    this.#room -= kept.length;
    this.#blocks[stream].append(kept);
  }

  read(stream: "stdout" | "stderr"): Buffer {
    return this.#blocks[stream].join();
  }
}

class Blocks {
  readonly #full: Buffer[] = [];
  #last = Buffer.alloc(0);
  #used = 0;

  append(bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#used === this.#last.length) {
        if (this.#used > 0) this.#full.push(this.#last);
        this.#last = Buffer.allocUnsafe(BLOCK_BYTES);
        this.#used = 0;
      }
      const piece = bytes.subarray(offset, offset + this.#last.length - this.#used);
      this.#last.set(piece, this.#used);
      this.#used += piece.length;
      offset += piece.length;
    }
  }

  join(): Buffer {
    return Buffer.concat([...this.#full, this.#last.subarray(0, this.#used)]);
  }
}
