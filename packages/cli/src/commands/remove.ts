/** `roost rm`: destroys sandboxes, several at a time; one that cannot be does not keep the others. */

import type { Roost, Sandbox } from "@roost/sdk";
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import { usageFailure } from "../command-failure.ts";
import { EXIT } from "../exit-codes.ts";
import { messageOf } from "../failures.ts";
import { findSandbox } from "../find-sandbox.ts";
import type { Invocation } from "../invocation.ts";
import { formatSpan } from "../output/amounts.ts";

const AT_ONCE = 4;

interface RemoveFlags {
  readonly all?: boolean;
}

export function removeCommand(run: Run): Command {
  return newCommand("rm", "Destroy sandboxes, whatever they are doing.", ["rm sb-mfzw sb-nq3x", "rm --all"])
    .argument("[id...]", "the sandboxes")
    .option("-a, --all", "all of the team's sandboxes")
    .action((ids: string[], flags: RemoveFlags, command: Command) =>
      run(command, (invocation) => remove(invocation, ids, flags)),
    );
}

async function remove(invocation: Invocation, ids: readonly string[], flags: RemoveFlags): Promise<number | undefined> {
  if (flags.all !== true && ids.length === 0) throw usageFailure("rm needs the ids of sandboxes, or --all.");
  if (flags.all === true && ids.length > 0) throw usageFailure("rm takes either ids or --all, not both.");
  const { print, signal } = invocation;
  const roost = await invocation.roost();
  const outcome = await (async () => {
    using _progress = print.progress((elapsed) => `Destroying … ${formatSpan(elapsed)}`);
    return await destroyAll(
      flags.all === true ? everySandbox(roost, signal) : namedSandboxes(roost, ids, signal),
      signal,
    );
  })();
  for (const failure of outcome.failures) await print.failure(failure);
  if (invocation.json) await print.json({ destroyed: outcome.destroyed });
  else for (const id of outcome.destroyed) await print.line(id);
  signal.throwIfAborted();
  return outcome.failures.length > 0 ? EXIT.failure : undefined;
}

interface Target {
  /** As the user wrote it. */
  readonly reference: string;
  find(): Promise<Sandbox>;
}

async function* everySandbox(roost: Roost, signal: AbortSignal): AsyncGenerator<Target> {
  // The list first, whole: what is destroyed on the way must not move the pages.
  const sandboxes = await Array.fromAsync(roost.sandboxes.list({ signal, pageSize: 100 }));
  for (const sandbox of sandboxes) yield { reference: sandbox.id, find: async () => sandbox };
}

async function* namedSandboxes(roost: Roost, ids: readonly string[], signal: AbortSignal): AsyncGenerator<Target> {
  for (const reference of new Set(ids)) yield { reference, find: () => findSandbox(roost, reference, signal) };
}

interface Outcome {
  readonly destroyed: string[];
  readonly failures: string[];
}

async function destroyAll(targets: AsyncGenerator<Target>, signal: AbortSignal): Promise<Outcome> {
  const outcome: Outcome = { destroyed: [], failures: [] };
  const work = async (): Promise<void> => {
    for await (const target of targets) {
      try {
        const sandbox = await target.find();
        await sandbox.destroy({ signal });
        outcome.destroyed.push(sandbox.id);
      } catch (error) {
        if (signal.aborted) return;
        outcome.failures.push(`${target.reference}: ${messageOf(error)}`);
      }
    }
  };
  // One generator, several readers: each takes the next target when it is done with its last.
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcome;
}
