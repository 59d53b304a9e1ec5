/** What a command wrote, whole, up to a bound; what is beyond it is dropped and told of. */
import type { ExecResult } from "../exec.ts";
import type { OutputChunk } from "./output-chunk.ts";

/** As much as the server keeps of a command that is not followed. */
const MOST_BYTES = 64 * 1024 * 1024;

export class CollectedOutput {
  readonly #pieces = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  #room = MOST_BYTES;
  #truncated = false;

  add({ stream, data }: OutputChunk): void {
    const kept = data.subarray(0, this.#room);
    this.#room -= kept.length;
    if (kept.length > 0) this.#pieces[stream].push(kept);
    if (kept.length < data.length) this.#truncated = true;
  }

  read(): Pick<ExecResult, "stdout" | "stderr" | "stdoutBytes" | "stderrBytes" | "truncated"> {
    const stdoutBytes = joined(this.#pieces.stdout);
    const stderrBytes = joined(this.#pieces.stderr);
    const text = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      stdout: text.decode(stdoutBytes),
      stderr: text.decode(stderrBytes),
      stdoutBytes,
      stderrBytes,
      truncated: this.#truncated,
    };
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
