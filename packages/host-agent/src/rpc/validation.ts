/** Requests of the control plane, checked: what passes here is in bounds, whatever else it may be. */

import { RoostError } from "@roost/protocol/errors";
import {
  type CreateSandboxRequest,
  type FileTarget,
  type ExecRequest as WireExecRequest,
  Leave as WireLeave,
  ResumeMode as WireResumeMode,
} from "@roost/protocol/hostagent";
import { isId } from "@roost/protocol/ids";
import type { ExecRequest, Leave, ResumeMode, SandboxSpec } from "./host-sandboxes.ts";

const TEMPLATE = /^[a-z0-9][a-z0-9-]{0,62}$/;
const MOST_VCPUS = 32;
const LEAST_MEMORY_MB = 128;
/** Beyond any machine; what this one has is for admission to say. */
const MOST_MEMORY_MB = 16 * 1024 * 1024;
const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;
/** What Linux takes for arguments and environment of one process, roughly. */
const COMMAND_LIMIT_BYTES = 2 * 1024 * 1024;
const STDIN_LIMIT_BYTES = 16 * 1024 * 1024;
const VARIABLE = /^[^=\0]+$/;

export function sandboxId(id: string): string {
  if (!isId("sandbox", id)) refuse("The sandbox id is not one.");
  return id;
}

export function snapshotId(id: string): string {
  if (!isId("template", id)) refuse("The snapshot id is not one.");
  return id;
}

export function resumeMode(mode: WireResumeMode): ResumeMode {
  return mode === WireResumeMode.DISK ? "disk" : "memory";
}

export function leave(wanted: WireLeave): Leave {
  if (wanted === WireLeave.PAUSED) return "paused";
  return wanted === WireLeave.RUNNING ? "running" : "as-it-was";
}

export function sandboxSpec(request: CreateSandboxRequest): SandboxSpec {
  const { template, vcpus, memoryMb, env, internet, timeoutSec } = request;
  if (!TEMPLATE.test(template)) refuse("The template's name is not one.");
  if (vcpus < 1 || vcpus > MOST_VCPUS) refuse(`vcpus must be between 1 and ${MOST_VCPUS}.`);
  if (memoryMb < LEAST_MEMORY_MB || memoryMb > MOST_MEMORY_MB) refuse(`memory_mb must be at least ${LEAST_MEMORY_MB}.`);
  checkEnvironment(env);
  return {
    id: sandboxId(request.sandboxId),
    template,
    snapshotId: request.snapshotId === "" ? undefined : snapshotId(request.snapshotId),
    vcpus,
    memoryMb,
    env,
    internet,
    timeoutSec,
  };
}

export function execRequest(request: WireExecRequest): ExecRequest {
  const { cmd, args, env, cwd, user, stdin, timeoutMs } = request;
  if (stdin.length > STDIN_LIMIT_BYTES) refuse("The standard input is larger than 16 MiB: write it to a file first.");
  checkCommand({ cmd, args, env, cwd, user });
  return {
    cmd,
    args,
    env,
    ...(cwd === "" ? {} : { cwd }),
    ...(user === "" ? {} : { user }),
    ...(stdin.length === 0 ? {} : { stdin }),
    timeoutMs,
    outputLimitBytes: Math.min(request.outputLimitBytes || OUTPUT_LIMIT_BYTES, OUTPUT_LIMIT_BYTES),
  };
}

export interface CommandWords {
  readonly cmd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly user: string;
}

export function checkCommand({ cmd, args, env, cwd, user }: CommandWords): void {
  if (cmd === "") refuse("The command must not be empty.");
  if ([cmd, cwd, user, ...args].some((text) => text.includes("\0"))) {
    refuse("Command, arguments, folder and user must not contain a NUL character.");
  }
  checkEnvironment(env);
  const size = [cmd, ...args].reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
  if (size > COMMAND_LIMIT_BYTES) refuse("The command and its arguments are too long.");
}

export interface CheckedTarget {
  readonly id: string;
  readonly path: string;
  readonly user: string;
}

export function fileTarget(target: FileTarget | undefined): CheckedTarget {
  if (target === undefined) return refuse("The file's target is missing.");
  const { path, user } = target;
  if (path === "" || path.includes("\0")) refuse("A file's path must not be empty, nor contain a NUL character.");
  return { id: sandboxId(target.sandboxId), path, user };
}

function checkEnvironment(env: Readonly<Record<string, string>>): void {
  let size = 0;
  for (const [name, value] of Object.entries(env)) {
    if (!VARIABLE.test(name)) refuse("An environment variable's name must not be empty, nor contain = or NUL.");
    if (value.includes("\0")) refuse("An environment variable must not contain a NUL character.");
    size += Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  if (size > COMMAND_LIMIT_BYTES) refuse("The environment is too large.");
}

function refuse(sentence: string): never {
  throw new RoostError("invalid_request", sentence);
}
