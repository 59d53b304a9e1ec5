/** A command's output, up to a limit shared by both streams. */
import { ByteBlocks } from "../byte-blocks.ts";

export class Output {
  truncated = false;
  #room: number;
  readonly #blocks = { stdout: new ByteBlocks(), stderr: new ByteBlocks() };

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
