/** One command, run to its end: what to say about it, and what comes back. */
import { base64ToBytes } from "./base64.ts";
import type { CallOptions } from "./call-options.ts";
import type { StandardInput } from "./streams/standard-input.ts";

export interface ExecOptions extends CallOptions {
  /** Added to the sandbox's own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** An absolute path. Default: the user's home. */
  readonly cwd?: string | undefined;
  /** Default: the sandbox's default user. */
  readonly user?: string | undefined;
  /** What the command reads; then its input ends. A stream is read as fast as the command reads. */
  readonly stdin?: StandardInput | undefined;
  /** After this the command and its children are killed. Default: 30 where its result is awaited, none where it is followed. */
  readonly timeoutSec?: number | undefined;
  /** A name to attach it by while it is followed. */
  readonly tag?: string | undefined;
}

export interface ExecResult {
  /** As text, except what was iterated over; where the command wrote something else, with U+FFFD for it: then use the bytes. */
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
  /** 128 + n when signal n ended it; 127: no such command; null when it ran out of time. */
  readonly exitCode: number | null;
  readonly durationMs: number;
  readonly timedOut: boolean;
  /** It wrote more than the server keeps (64 MiB): the beginning is here, the rest is lost. */
  readonly truncated: boolean;
}

/** Characters of input, each up to six bytes of JSON: the server takes a body of 1 MiB. */
const MOST_TEXT = 128 * 1024;

export interface ExecWire {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit_code: number | null;
  readonly duration_ms: number;
  readonly encoding: "utf-8" | "base64";
  readonly timed_out?: boolean;
  readonly truncated?: boolean;
}

/** Input that fits a request: text, and not much of it. Undefined: it has to be a stream. */
export function inputAsText(stdin: StandardInput | undefined): { readonly text: string | undefined } | undefined {
  if (stdin === undefined) return { text: undefined };
  if (stdin instanceof ReadableStream || stdin.length > MOST_TEXT) return undefined;
  if (typeof stdin === "string") return { text: stdin };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(stdin) };
  } catch {
    return undefined;
  }
}

export function execToWire(
  cmd: string,
  args: readonly string[],
  options: Omit<ExecOptions, "stdin">,
  stdin: string | undefined,
): object {
  return {
    cmd,
    args,
    env: options.env,
    cwd: options.cwd,
    user: options.user,
    stdin,
    timeout_sec: options.timeoutSec,
  };
}

export function execFromWire(wire: ExecWire): ExecResult {
  const stdoutBytes = bytesOf(wire.stdout, wire.encoding);
  const stderrBytes = bytesOf(wire.stderr, wire.encoding);
  return {
    stdout: textOf(wire.stdout, stdoutBytes, wire.encoding),
    stderr: textOf(wire.stderr, stderrBytes, wire.encoding),
    stdoutBytes,
    stderrBytes,
    exitCode: wire.exit_code,
    durationMs: wire.duration_ms,
    timedOut: wire.timed_out ?? false,
    truncated: wire.truncated ?? false,
  };
}

function bytesOf(text: string, encoding: ExecWire["encoding"]): Uint8Array {
  return encoding === "utf-8" ? new TextEncoder().encode(text) : base64ToBytes(text);
}

function textOf(text: string, bytes: Uint8Array, encoding: ExecWire["encoding"]): string {
  // A byte order mark is output like any other.
  return encoding === "utf-8" ? text : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
