/** The most memory that a process has held at once, since a moment that a test chooses. */
import { readFile, writeFile } from "node:fs/promises";

const MB = 1024;

export class PeakMemory {
  readonly #pid: number;
  /** What it held when this was made, in MB. */
  readonly before: number;

  private constructor(pid: number, before: number) {
    this.#pid = pid;
    this.before = before;
  }

  static async from(pid: number | undefined): Promise<PeakMemory> {
    if (pid === undefined) throw new Error("the process whose memory is to be measured does not run");
    // 5: the kernel forgets the peak so far.
    await writeFile(`/proc/${pid}/clear_refs`, "5");
    return new PeakMemory(pid, await read(pid, "VmRSS"));
  }

  /** By how many MB it has been above what it held then, at the worst. */
  async rise(): Promise<number> {
    return Math.max(0, (await read(this.#pid, "VmHWM")) - this.before);
  }
}

async function read(pid: number, key: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const found = new RegExp(`^${key}:\\s*(\\d+) kB$`, "m").exec(status)?.[1];
  if (found === undefined) throw new Error(`process ${pid} tells no ${key}: is it alive?`);
  return Math.round(Number(found) / MB);
}
