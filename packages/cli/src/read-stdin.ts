/** Standard input, whole, for requests that carry it as JSON. */
import { addAbortSignal } from "node:stream";
import { usageFailure } from "./command-failure.ts";
import type { Input } from "./surroundings.ts";

/** What fits the server's limit for a JSON body (1 MiB) also when it has to be written as base64. */
const LIMIT = 512 * 1024;

export async function readStdin(stdin: Input, signal: AbortSignal): Promise<Uint8Array> {
  if (stdin.isTTY === true) {
    throw usageFailure(
      "-i passes on a pipe or a file, and standard input is a terminal: use … | roost exec -i, or < file.",
    );
  }
  signal.throwIfAborted();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of addAbortSignal(signal, stdin)) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      size += bytes.length;
      if (size > LIMIT)
        throw usageFailure("more than 512 KB on standard input: roost cp it into the sandbox and redirect there.");
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  return Buffer.concat(chunks);
}
