/** `roost create`: a new sandbox, its id on stdout. */

import type { NewSandbox, Roost, Sandbox } from "@roost/sdk";
import { type Command, InvalidArgumentError } from "commander";
import { newCommand, type Run } from "../command.ts";
import { CommandFailure } from "../command-failure.ts";
import type { Invocation } from "../invocation.ts";
import { formatSpan } from "../output/amounts.ts";
import { type Assignment, collectAssignment, toEnvironment, toMetadata } from "../parse/assignments.ts";
import { parseDuration } from "../parse/duration.ts";
import { parseMemory } from "../parse/memory.ts";

interface CreateFlags {
  readonly template?: string;
  readonly vcpus?: number;
  readonly memory?: number;
  readonly timeout?: number;
  readonly env?: readonly Assignment[];
  readonly metadata?: readonly Assignment[];
  readonly internet: boolean;
}

export function createCommand(run: Run): Command {
  return newCommand("create", "Create a sandbox and print its id.", [
    "create",
    "create --vcpus 2 --memory 1G --env TOKEN=abc --metadata owner=ci",
    "create --no-internet --json",
  ])
    .option("--template <name>", "what it starts from: a base image or a snapshot (default: minimal)")
    .option("--vcpus <count>", "virtual CPUs (default: 1)", parseCount)
    .option("--memory <amount>", "memory, e.g. 512M or 2G (default: 512M)", parseMemory)
    .option("--timeout <time>", "pause when idle for so long, e.g. 90s, 5m or 2h; 0: never (default: 0)", parseDuration)
    .option(
      "-e, --env <KEY=VALUE>",
      "for every command in it; just KEY: its value here (repeatable)",
      collectAssignment,
    )
    .option("--metadata <KEY=VALUE>", "to find it by (repeatable)", collectAssignment)
    .option("--no-internet", "without network beyond its host")
    .action((flags: CreateFlags, command: Command) => run(command, (invocation) => create(invocation, flags)));
}

async function create(invocation: Invocation, flags: CreateFlags): Promise<undefined> {
  const { print, surroundings } = invocation;
  const wanted: NewSandbox = {
    template: flags.template,
    vcpus: flags.vcpus,
    memoryMb: flags.memory,
    timeoutSec: flags.timeout,
    env: toEnvironment(flags.env, surroundings.env),
    metadata: toMetadata(flags.metadata),
    internet: flags.internet ? undefined : false,
  };
  const roost = await invocation.roost();
  const sandbox = await createOrNothing(invocation, roost, wanted);
  if (sandbox.status === "error")
    throw new CommandFailure(`${sandbox.id} did not start: ${sandbox.error ?? "no reason given"}.`);
  if (invocation.json) await print.json(sandbox);
  else await print.line(sandbox.id);
}

/**
 * Interrupted while the server makes it, a sandbox would be left that nobody knows of: so the creating goes on, and
 * then it is destroyed. Interrupted twice, the process ends and leaves it to the user.
 */
async function createOrNothing(invocation: Invocation, roost: Roost, wanted: NewSandbox): Promise<Sandbox> {
  const { print, signal } = invocation;
  signal.addEventListener(
    "abort",
    () => void print.note("Interrupted: the sandbox is removed as soon as it is there."),
  );
  using _progress = print.progress((elapsed) => `Creating a sandbox … ${formatSpan(elapsed)}`);
  const sandbox = await roost.sandboxes.create(wanted);
  if (!signal.aborted) return sandbox;
  await sandbox.destroy();
  throw signal.reason;
}

function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a number.");
}
