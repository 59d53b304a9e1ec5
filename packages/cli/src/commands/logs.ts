/** `roost logs`: what a sandbox's machine printed. */
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import { findSandbox } from "../find-sandbox.ts";
import type { Invocation } from "../invocation.ts";
import { printableLines } from "../output/printable.ts";

interface LogsFlags {
  readonly vmm?: boolean;
}

export function logsCommand(run: Run): Command {
  return newCommand("logs", "Show the end of what a sandbox's console printed.", ["logs sb-mfzw", "logs sb-mfzw --vmm"])
    .argument("<id>", "the sandbox")
    .option("--vmm", "what its virtual machine monitor printed, instead")
    .action((id: string, flags: LogsFlags, command: Command) =>
      run(command, (invocation) => logs(invocation, id, flags)),
    );
}

async function logs(invocation: Invocation, id: string, flags: LogsFlags): Promise<undefined> {
  const { print, signal } = invocation;
  const sandbox = await findSandbox(await invocation.roost(), id, signal);
  const found = await sandbox.logs({ signal });
  if (invocation.json) return void (await print.json(found));
  const text = printableLines(flags.vmm === true ? found.vmm : found.console);
  await print.stdout(text === "" || text.endsWith("\n") ? text : `${text}\n`);
}
