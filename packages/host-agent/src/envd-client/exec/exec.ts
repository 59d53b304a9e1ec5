/**
 * Runs a command in a guest to its end, its time-out, or its caller's abort.
 *
 *   start ──▶ running ──end──▶ result
 *     │          ├─ time-out ─▶ killing ──end, or the grace is over──▶ result with timedOut, and what came so far
 *     │          └─ abort ────▶ killing ──end, or the grace is over──▶ the abort's reason is thrown
 *     └─ refused: no such command 127, not executable 126, anything else an error
 *
 * Whatever way this ends, the command does not go on running unless the guest cannot be reached at all.
 */

import { performance } from "node:perf_hooks";
import { create } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { process } from "@roost/protocol/envd";
import { RoostError } from "@roost/protocol/errors";
import { quoteForeignWords } from "../../foreign-words/foreign-words.ts";
import { saidByGuest } from "../connect-transport.ts";
import { checkedUser } from "../file-path.ts";
import { guestRefusal } from "../guest-failure.ts";
import type { GuestLimits } from "../guest-limits.ts";
import type { ExecRequest, ExecResult } from "./exec-types.ts";
import { exitCodeOf } from "./exit-code.ts";
import { follow, type ProcessClient } from "./follow.ts";
import { Output } from "./output.ts";
import { RunningCommand } from "./running-command.ts";

export interface ExecContext {
  readonly client: ProcessClient;
  readonly limits: GuestLimits;
  /** A name for the process that no other has. */
  readonly newTag: () => string;
}

export async function execute(context: ExecContext, request: ExecRequest, signal: AbortSignal): Promise<ExecResult> {
  signal.throwIfAborted();
  const started = performance.now();
  const tag = context.newTag();
  const output = new Output(request.outputLimitBytes);
  await using running = new RunningCommand({ ...context, tag, request, signal });
  const events = follow({
    client: context.client,
    start: startRequest(request, tag),
    tag,
    headers: startHeaders(request, context.limits),
    signal: running.givenUp,
  });
  let exitCode: number | null = null;
  try {
    for await (const event of events) {
      if (event.case === "start") running.started();
      else if (event.case === "gap") output.truncated = true;
      else if (event.case === "end") {
        running.ended();
        exitCode = running.timedOut && !event.end.exited ? null : exitCodeOf(event.end);
      } else output.append(event.case, event.bytes);
    }
  } catch (error) {
    exitCode = running.givenUp.aborted ? null : neverRan(error, request, output);
  }
  running.throwIfFailed();
  return {
    stdout: output.read("stdout"),
    stderr: output.read("stderr"),
    exitCode,
    durationMs: Math.round(performance.now() - started),
    timedOut: exitCode === null,
    truncated: output.truncated,
  };
}

function startRequest(request: ExecRequest, tag: string): process.StartRequest {
  return create(process.StartRequestSchema, {
    process: {
      cmd: request.cmd,
      args: [...request.args],
      envs: { ...request.env },
      ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    },
    tag,
    stdin: request.stdin !== undefined,
  });
}

function startHeaders(request: ExecRequest, limits: GuestLimits): Record<string, string> {
  const headers: Record<string, string> = {
    "keepalive-ping-interval": String(Math.max(1, Math.floor(limits.silenceMs / 4_000))),
  };
  if (request.user !== undefined && request.user !== "") {
    const credentials = Buffer.from(`${checkedUser(request.user)}:`).toString("base64");
    headers.authorization = `Basic ${credentials}`;
  }
  return headers;
}

/** A command that could not be started at all, told as a shell tells it. @throws what is not the command's fault */
function neverRan(error: unknown, request: ExecRequest, output: Output): number {
  if (!saidByGuest(error)) throw error;
  switch (error.code) {
    case Code.NotFound:
      output.append("stderr", Buffer.from(`roost: ${quoteForeignWords(request.cmd)}: command not found\n`));
      return 127;
    case Code.PermissionDenied:
      output.append("stderr", Buffer.from(`roost: ${quoteForeignWords(request.cmd)}: permission denied\n`));
      return 126;
    default:
      throw startRefusal(error);
  }
}

function startRefusal(error: ConnectError): RoostError {
  if (error.code === Code.InvalidArgument || error.code === Code.Unauthenticated) {
    return new RoostError("invalid_request", `The sandbox refused the command: ${quoteForeignWords(error.rawMessage)}`);
  }
  return guestRefusal(error.rawMessage);
}
