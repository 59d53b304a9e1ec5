/** Hands on the lines that are added to a log file, from now on until disposed; what is left is handed on then. */
import { open, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const LOOK_AGAIN_MS = 50;

export async function followFile(path: string, onLine: (line: string) => void): Promise<AsyncDisposable> {
  let offset = (await stat(path).catch(() => undefined))?.size ?? 0;
  let rest = "";
  const readOn = async () => {
    const size = (await stat(path).catch(() => undefined))?.size ?? 0;
    // A log that was moved aside begins anew.
    if (size < offset) offset = 0;
    if (size === offset) return;
    await using file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset);
    offset += bytesRead;
    const lines = `${rest}${buffer.subarray(0, bytesRead).toString("utf8")}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  };
  const ended = new AbortController();
  const following = (async () => {
    while (!ended.signal.aborted) {
      await readOn();
      await sleep(LOOK_AGAIN_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
    await readOn();
  })();
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await following;
    },
  };
}
