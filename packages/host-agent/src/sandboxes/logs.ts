/** What a sandbox's console and its VMM have printed, as far as it is kept (see the keeper's log limit). */
import { open } from "node:fs/promises";
import { join } from "node:path";

export interface SandboxLogs {
  readonly console: Buffer;
  readonly vmm: Buffer;
}

/** @param limitBytes at most this much of the end of each; 0: all there is. */
export async function readLogs(folder: string, limitBytes: number): Promise<SandboxLogs> {
  const [console, vmm] = await Promise.all([
    tail(join(folder, "console.log"), limitBytes),
    tail(join(folder, "vmm.log"), limitBytes),
  ]);
  return { console, vmm };
}

async function tail(path: string, limitBytes: number): Promise<Buffer> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
  await using _ = file;
  const { size } = await file.stat();
  const length = limitBytes === 0 ? size : Math.min(size, limitBytes);
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, size - length);
  return buffer.subarray(0, bytesRead);
}
