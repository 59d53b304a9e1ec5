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
import { process } from "@roost/protocol/envd";
import type { GuestLimits } from "../guest-limits.ts";
import { streamHeaders } from "../user-headers.ts";
import type { ExecRequest, ExecResult } from "./exec-types.ts";
import { exitCodeOf } from "./exit-code.ts";
import { follow, type ProcessClient } from "./follow.ts";
import { Output } from "./output.ts";
import { RunningCommand } from "./running-command.ts";
import { neverRan } from "./start-refusal.ts";

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
    headers: streamHeaders(request.user, context.limits),
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
    if (!running.givenUp.aborted) {
      const never = neverRan(error, request.cmd);
      output.append("stderr", never.words);
      exitCode = never.exitCode;
    }
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
