/** One command, run to its end: what to say about it, and what comes back. */
import type { CallOptions } from "./call-options.ts";

export interface ExecOptions extends CallOptions {
  /** Added to the sandbox's own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** An absolute path. Default: the user's home. */
  readonly cwd?: string | undefined;
  /** Default: the sandbox's default user. */
  readonly user?: string | undefined;
  /** What the command reads; then its input ends. Bytes have to be UTF-8: a request carries them as text. */
  readonly stdin?: string | Uint8Array | undefined;
  /** After this the command and its children are killed. Default 30. */
  readonly timeoutSec?: number | undefined;
}

export interface ExecResult {
  /** As text; where the command wrote something else, with U+FFFD for it: then use the bytes. */
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

export interface ExecWire {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit_code: number | null;
  readonly duration_ms: number;
  readonly encoding: "utf-8" | "base64";
  readonly timed_out?: boolean;
  readonly truncated?: boolean;
}

export function execToWire(cmd: string, args: readonly string[], options: ExecOptions): object {
  return {
    cmd,
    args,
    env: options.env,
    cwd: options.cwd,
    user: options.user,
    stdin: typeof options.stdin === "object" ? toText(options.stdin) : options.stdin,
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
  if (encoding === "utf-8") return new TextEncoder().encode(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = characters.charCodeAt(index);
  return bytes;
}

function textOf(text: string, bytes: Uint8Array, encoding: ExecWire["encoding"]): string {
  // A byte order mark is output like any other.
  return encoding === "utf-8" ? text : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function toText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TypeError("stdin is not UTF-8: write it to a file in the sandbox and let the command read that", {
      cause,
    });
  }
}
