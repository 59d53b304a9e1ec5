/** `roost snapshot`: frozen moments of sandboxes, from which others are made. */

import { type Template, templateToWire } from "@roost/sdk";
import { type Command, Option } from "commander";
import { newCommand, type Run } from "../command.ts";
import { findSandbox } from "../find-sandbox.ts";
import type { Invocation } from "../invocation.ts";
import { formatBytes, formatMemory, formatSpan } from "../output/amounts.ts";
import { relativeTime } from "../output/relative-time.ts";
import type { Column } from "../output/table.ts";

interface CreateFlags {
  readonly leave?: "paused" | "running";
  readonly overwrite?: boolean;
}

interface ListFlags {
  readonly type?: "base" | "snapshot";
}

export function snapshotCommand(run: Run): Command {
  const group = newCommand("snapshot", "Make, list and delete what sandboxes can be made from.", [
    "snapshot create sb-mfzw tools",
    "snapshot ls",
    "snapshot rm tools",
  ]);
  const create = newCommand("create", "Make a snapshot of a sandbox, and print its name.", [
    "snapshot create sb-mfzw tools",
    "snapshot create sb-mfzw tools --overwrite --leave running",
  ])
    .argument("<id>", "the sandbox, running or paused")
    .argument("[name]", "lower-case letters, digits and hyphens (default: made up)")
    .addOption(
      new Option("--leave <state>", "what the sandbox is afterwards (default: paused)").choices(["paused", "running"]),
    )
    .option("--overwrite", "replace the snapshot of this name; it stays until the new one is whole")
    .action((id: string, name: string | undefined, flags: CreateFlags, command: Command) =>
      run(command, (invocation) => createSnapshot(invocation, id, name, flags)),
    );
  const list = newCommand("ls", "List snapshots and base images.", [
    "snapshot ls",
    "snapshot ls --type snapshot --json",
  ])
    .alias("list")
    .addOption(new Option("--type <type>", "only these").choices(["base", "snapshot"]))
    .action((flags: ListFlags, command: Command) => run(command, (invocation) => listSnapshots(invocation, flags)));
  const remove = newCommand("rm", "Delete snapshots; sandboxes made from them live on.", ["snapshot rm tools"])
    .argument("<name...>", "their names, from roost snapshot ls")
    .action((names: string[], _flags: unknown, command: Command) =>
      run(command, (invocation) => removeSnapshots(invocation, names)),
    );
  return group.addCommand(create).addCommand(list).addCommand(remove);
}

async function createSnapshot(
  invocation: Invocation,
  id: string,
  name: string | undefined,
  flags: CreateFlags,
): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.roost();
  const sandbox = await findSandbox(roost, id, signal);
  const snapshot = await (async () => {
    using _progress = print.progress((elapsed) => `Making a snapshot … ${formatSpan(elapsed)}`);
    return await roost.snapshots.create(sandbox.id, { name, ...flags }, { signal });
  })();
  if (invocation.json) await print.json(templateToWire(snapshot));
  else await print.line(snapshot.name);
}

async function listSnapshots(invocation: Invocation, flags: ListFlags): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const roost = await invocation.roost();
  const templates = await Array.fromAsync(roost.snapshots.list({ ...flags, signal, pageSize: 100 }));
  if (invocation.json) return void (await print.json(templates.map(templateToWire)));
  if (invocation.quiet) {
    for (const template of templates) await print.line(template.name);
    return;
  }
  await print.table(columns(surroundings.now()), templates);
}

function columns(now: Date): readonly Column<Template>[] {
  return [
    { title: "NAME", text: (template) => template.name },
    { title: "TYPE", text: (template) => template.type },
    { title: "VCPUS", text: (template) => String(template.vcpus ?? "any"), align: "right" },
    {
      title: "MEMORY",
      text: (template) => (template.memoryMb === null ? "any" : formatMemory(template.memoryMb)),
      align: "right",
    },
    {
      title: "SIZE",
      text: (template) => (template.sizeBytes === null ? "-" : formatBytes(template.sizeBytes)),
      align: "right",
    },
    { title: "CREATED", text: (template) => relativeTime(template.createdAt, now) },
  ];
}

async function removeSnapshots(invocation: Invocation, names: readonly string[]): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.roost();
  for (const name of names) {
    await roost.snapshots.delete(name, { signal });
    if (!invocation.json) await print.line(name);
  }
  if (invocation.json) await print.json({ deleted: names });
}
