/** `roost rm`: destroys sandboxes, several at a time; one that cannot be does not keep the others. */

import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import { usageFailure } from "../command-failure.ts";
import { everySandbox, namedSandboxes, onEach } from "../each-sandbox.ts";
import { EXIT } from "../exit-codes.ts";
import type { Invocation } from "../invocation.ts";
import { formatSpan } from "../output/amounts.ts";

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
    const targets = flags.all === true ? everySandbox(roost, signal) : namedSandboxes(roost, ids, signal);
    return await onEach(targets, signal, async (sandbox) => {
      await sandbox.destroy({ signal });
      return sandbox.id;
    });
  })();
  for (const failure of outcome.failures) await print.failure(failure);
  if (invocation.json) await print.json({ destroyed: outcome.done });
  else for (const id of outcome.done) await print.line(id);
  signal.throwIfAborted();
  return outcome.failures.length > 0 ? EXIT.failure : undefined;
}
