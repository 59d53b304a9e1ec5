/** Runs a command in a sandbox to its end. Output that is text stays text; if any of it is not, both streams are base64. */
import { isUtf8 } from "node:buffer";
import { asHostError } from "../hosts/hosts.ts";
import { clientOfRunning, hostForgot } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";

export interface Command {
  readonly cmd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly user: string | undefined;
  readonly stdin: string | undefined;
  readonly timeoutMs: number;
}

export interface CommandResult {
  readonly encoding: "utf-8" | "base64";
  readonly stdout: string;
  readonly stderr: string;
  /** Null when the command ran out of time. */
  readonly exitCode: number | null;
  readonly durationMs: number;
  readonly timedOut: boolean;
  readonly truncated: boolean;
}

/** What the way there and back may take beyond the command itself, its killing included. */
const SLACK_MS = 30_000;

/**
 * The signal ends the command: nobody waits for its answer any more.
 * @throws RoostError `not_found`, `not_running`, `invalid_request`, `host_unavailable`, `host_failed`.
 */
export async function execInSandbox(
  parts: SandboxParts,
  teamId: string,
  id: string,
  command: Command,
  signal: AbortSignal,
): Promise<CommandResult> {
  const client = await clientOfRunning(parts, teamId, id);
  const request = {
    sandboxId: id,
    cmd: command.cmd,
    args: [...command.args],
    env: { ...command.env },
    cwd: command.cwd ?? "",
    user: command.user ?? "",
    stdin: Buffer.from(command.stdin ?? "", "utf8"),
    timeoutMs: command.timeoutMs,
    outputLimitBytes: parts.execOutputBytes,
  };
  try {
    const answer = await client.exec(request, { signal, timeoutMs: command.timeoutMs + SLACK_MS });
    return {
      ...encode(answer.stdout, answer.stderr, answer.truncated || answer.timedOut),
      exitCode: answer.timedOut ? null : (answer.exitCode ?? null),
      durationMs: answer.durationMs,
      timedOut: answer.timedOut,
      truncated: answer.truncated,
    };
  } catch (error) {
    throw hostForgot(asHostError(error));
  }
}

function encode(stdout: Uint8Array, stderr: Uint8Array, cut: boolean) {
  const streams = [stdout, stderr].map((bytes) => (cut ? withoutHalfCharacter(bytes) : bytes));
  const encoding = streams.every((bytes) => isUtf8(bytes)) ? "utf-8" : "base64";
  const [out, err] = (encoding === "utf-8" ? streams : [stdout, stderr]).map((bytes) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding),
  );
  return { encoding, stdout: out ?? "", stderr: err ?? "" } as const;
}

/** Text that was cut off may end inside a character, and is text all the same. */
function withoutHalfCharacter(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}
