/**
 * Runs one program to its end: an argument array, never a shell. Output goes line by line to whoever listens; when the
 * program fails, the error holds the last lines it said.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { LauncherFailure } from "../failure.ts";

export interface ProgramOptions {
  readonly cwd?: string;
  /** The whole environment; default: this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /** Aborted: the program gets SIGTERM. */
  readonly signal?: AbortSignal;
  /** Called with each line of standard output and standard error. */
  readonly onLine?: (line: string) => void;
}

const TAIL_LINES = 20;

export class ProgramFailure extends LauncherFailure {
  readonly exitCode: number | null;
  readonly lastLines: readonly string[];

  constructor(program: string, exitCode: number | null, how: string, lastLines: readonly string[]) {
    const said = lastLines.length > 0 ? `:\n${lastLines.map((line) => `    ${line}`).join("\n")}` : "";
    super(`${program} ${how}${said}`);
    this.exitCode = exitCode;
    this.lastLines = lastLines;
  }
}

/** The program's standard output, whole; throws `ProgramFailure` unless it exits with 0. */
export async function runProgram(
  command: readonly [string, ...string[]],
  options: ProgramOptions = {},
): Promise<string> {
  options.signal?.throwIfAborted();
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env as NodeJS.ProcessEnv | undefined,
    signal: options.signal,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const tail: string[] = [];
  const output: string[] = [];
  const heard = (line: string) => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    options.onLine?.(line);
  };
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk.toString("latin1")));
  // A program that ends without reading its input is judged by its exit status, not by the broken pipe.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  try {
    const [{ code, signal }] = await Promise.all([ended, eachLine(child.stdout, heard), eachLine(child.stderr, heard)]);
    if (code !== 0)
      throw new ProgramFailure(program, code, signal ? `was ended by ${signal}` : `failed with status ${code}`, tail);
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw new ProgramFailure(program, null, "is not on this machine", []);
    throw error;
  }
  return Buffer.from(output.join(""), "latin1").toString("utf8");
}

async function eachLine(stream: Readable, heard: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) heard(line);
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
