/** The real `roost` process, as a shell starts it. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";

export const MAIN = join(import.meta.dirname, "../main.ts");

export interface SpawnOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it finds on standard input; nothing by default. */
  readonly input?: string | Uint8Array;
  /** Instead of input: what is typed once its stdout shows what is asked, one after the other. */
  readonly typed?: readonly (readonly [question: string, answer: string])[];
  /** For what only a running process shows, such as signals. */
  readonly started?: (child: ChildProcessWithoutNullStreams) => void;
}

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export async function spawnRoost(args: readonly string[], options: SpawnOptions): Promise<Finished> {
  return await spawnProgram([process.execPath, MAIN, ...args], options);
}

export async function spawnProgram(
  [program = "", ...args]: readonly string[],
  options: SpawnOptions,
): Promise<Finished> {
  const child = spawn(program, args, { env: { ...options.env }, cwd: options.cwd });
  try {
    options.started?.(child);
    // A process that does not read its input may be gone before it is written.
    child.stdin.on("error", () => undefined);
    if (options.typed === undefined) child.stdin.end(options.input ?? "");
    else type(child, options.typed);
    const [stdout, stderr, [exitCode]] = await Promise.all([
      buffer(child.stdout),
      text(child.stderr),
      once(child, "close") as Promise<[number | null]>,
    ]);
    return { exitCode, stdout, stderr };
  } finally {
    child.kill("SIGKILL");
  }
}

function type(
  child: ChildProcessWithoutNullStreams,
  typed: readonly (readonly [question: string, answer: string])[],
): void {
  const left = [...typed];
  let shown = "";
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    const [next] = left;
    if (next === undefined || !shown.includes(next[0])) return;
    left.shift();
    shown = "";
    child.stdin.write(next[1]);
  });
}
