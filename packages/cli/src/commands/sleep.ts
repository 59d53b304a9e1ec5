/** `roost pause`, `resume` and `ping`: sandboxes to their host's disk, back again, and kept awake. */
import type { Sandbox } from "@roost/sdk";
import { type Command, Option } from "commander";
import { newCommand, type Run } from "../command.ts";
import { namedSandboxes, onEach } from "../each-sandbox.ts";
import { EXIT } from "../exit-codes.ts";
import type { Invocation } from "../invocation.ts";
import { formatSpan } from "../output/amounts.ts";

export function pauseCommand(run: Run): Command {
  return newCommand("pause", "Freeze sandboxes to disk; resume wakes them where they were.", [
    "pause sb-mfzw",
    "pause sb-mfzw sb-nq3x",
  ])
    .argument("<id...>", "the sandboxes")
    .action((ids: string[], _flags: unknown, command: Command) =>
      run(command, (invocation) =>
        forEach(invocation, ids, {
          doing: "Pausing",
          done: "paused",
          act: (sandbox) => sandbox.pause({ signal: invocation.signal }),
        }),
      ),
    );
}

interface ResumeFlags {
  readonly mode?: "memory" | "disk";
}

export function resumeCommand(run: Run): Command {
  return newCommand("resume", "Wake sandboxes that are paused, or whose machine ended.", [
    "resume sb-mfzw",
    "resume sb-mfzw --mode disk",
  ])
    .argument("<id...>", "the sandboxes")
    .addOption(
      new Option("--mode <from>", "memory: go on where it was; disk: boot its disk, as after a power cut").choices([
        "memory",
        "disk",
      ]),
    )
    .action((ids: string[], flags: ResumeFlags, command: Command) =>
      run(command, (invocation) =>
        forEach(invocation, ids, {
          doing: "Resuming",
          done: "resumed",
          act: (sandbox) => sandbox.resume({ mode: flags.mode, signal: invocation.signal }),
        }),
      ),
    );
}

export function pingCommand(run: Run): Command {
  return newCommand("ping", "Keep sandboxes from pausing by themselves: their idle time begins anew.", ["ping sb-mfzw"])
    .argument("<id...>", "the sandboxes")
    .action((ids: string[], _flags: unknown, command: Command) =>
      run(command, (invocation) =>
        forEach(invocation, ids, {
          doing: "Pinging",
          done: "pinged",
          act: async (sandbox) => {
            await sandbox.ping({ signal: invocation.signal });
            return sandbox.id;
          },
        }),
      ),
    );
}

interface Deed {
  readonly doing: string;
  /** What the JSON calls those with which it was done. */
  readonly done: string;
  /** Resolves to what the JSON shows of it. */
  act(sandbox: Sandbox): Promise<Sandbox | string>;
}

async function forEach(invocation: Invocation, ids: readonly string[], deed: Deed): Promise<number | undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.roost();
  const { done, failures } = await (async () => {
    using _progress = print.progress((elapsed) => `${deed.doing} … ${formatSpan(elapsed)}`);
    return await onEach(namedSandboxes(roost, ids, signal), signal, async (sandbox) => ({
      id: sandbox.id,
      shown: await deed.act(sandbox),
    }));
  })();
  for (const failure of failures) await print.failure(failure);
  if (invocation.json) await print.json({ [deed.done]: done.map(({ shown }) => shown) });
  else for (const { id } of done) await print.line(id);
  signal.throwIfAborted();
  return failures.length > 0 ? EXIT.failure : undefined;
}
