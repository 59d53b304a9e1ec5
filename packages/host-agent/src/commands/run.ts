/**
 * Runs a program: an argument array (never a shell), text for its standard input, a time limit, bounded output. What it
 * answers is its output or a `CommandError`; nothing else escapes.
 *
 * Drivers take a `CommandRunner`, so that a test can make any single step fail.
 */
import { spawn } from "node:child_process";

export interface CommandOptions {
  /** Written to the program's standard input, which is then closed. Default: nothing. */
  readonly input?: string;
  /** The program is killed after this time. Default: 30 s, far more than any of ours needs on a busy machine. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

export type CommandRunner = (argv: readonly [string, ...string[]], options?: CommandOptions) => Promise<CommandOutput>;

/** A program that could not be run, or did not end with status 0. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly program: string;
  /** Exit status; null when the program was not found, was killed, or ran out of time. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether the program is not installed. */
  readonly missing: boolean;

  constructor(
    program: string,
    reason: string,
    details: { status: number | null; stdout?: string; stderr?: string; missing?: boolean; cause?: unknown },
  ) {
    super(`${program}: ${reason}`, { cause: details.cause });
    this.program = program;
    this.status = details.status;
    this.stdout = details.stdout ?? "";
    this.stderr = details.stderr ?? "";
    this.missing = details.missing ?? false;
  }
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** `ip -j` of a machine with thousands of links stays far below; a program gone wild does not take our memory. */
const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024;
/** Fixed, so that a program is found, and speaks English, whoever started the agent. */
const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

export const runCommand: CommandRunner = async (argv, options = {}) => {
  options.signal?.throwIfAborted();
  const [program, ...args] = argv;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  // In a process group of its own, so that what it started ends with it.
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: ENVIRONMENT, detached: true });

  let killedFor: string | undefined;
  const kill = (reason: string) => {
    killedFor ??= reason;
    if (child.pid !== undefined && child.exitCode === null) killGroup(child.pid);
  };
  const timer = setTimeout(() => kill(`did not end within ${timeoutMs / 1000} s`), timeoutMs);
  const onAbort = () => kill("was cancelled");
  options.signal?.addEventListener("abort", onAbort, { once: true });

  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let outputBytes = 0;
  const collect = (into: Buffer[]) => (chunk: Buffer) => {
    outputBytes += chunk.length;
    if (outputBytes > OUTPUT_LIMIT_BYTES) kill(`wrote more than ${OUTPUT_LIMIT_BYTES} bytes`);
    else into.push(chunk);
  };
  child.stdout.on("data", collect(stdout));
  child.stderr.on("data", collect(stderr));
  // A program that ends without reading its input is judged by its exit status.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");

  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    const errors = Buffer.concat(stderr).toString();
    if (killedFor !== undefined) {
      options.signal?.throwIfAborted();
      throw new CommandError(program, killedFor, { status: null, stderr: errors });
    }
    if (status !== 0) {
      const reason = firstLine(errors) || (status === null ? "was killed" : `ended with status ${status}`);
      throw new CommandError(program, reason, { status, stdout: Buffer.concat(stdout).toString(), stderr: errors });
    }
    return { stdout: Buffer.concat(stdout).toString(), stderr: errors };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new CommandError(program, "is not installed", { status: null, missing: true, cause: error });
    }
    throw error;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  }
};

function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    // It has ended by itself just now.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** The line of a program's errors that a person should read first. */
function firstLine(text: string): string {
  return (
    text
      .split("\n")
      .find((line) => line.trim() !== "")
      ?.trim() ?? ""
  );
}
