/** A piece of what a command wrote, as bytes and as text, whichever is asked for. */
import { base64ToBytes } from "../base64.ts";

export class OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly #data: string;
  readonly #encoding: "utf-8" | "base64";

  constructor(stream: "stdout" | "stderr", data: string, encoding: "utf-8" | "base64") {
    this.stream = stream;
    this.#data = data;
    this.#encoding = encoding;
  }

  /** Exactly as written. */
  get data(): Uint8Array {
    return this.#encoding === "utf-8" ? new TextEncoder().encode(this.#data) : base64ToBytes(this.#data);
  }

  /** Characters are whole: none is split between two chunks. What is no UTF-8 becomes U+FFFD. */
  get text(): string {
    if (this.#encoding === "utf-8") return this.#data;
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.data);
  }
}
