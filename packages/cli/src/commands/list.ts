/** `roost ls`: the team's sandboxes. */

import { SANDBOX_STATUSES, type Sandbox } from "@roost/sdk";
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { formatMemory } from "../output/amounts.ts";
import { statusColour } from "../output/paint.ts";
import { relativeTime } from "../output/relative-time.ts";
import type { Column } from "../output/table.ts";
import { type Assignment, collectAssignment, toMetadata } from "../parse/assignments.ts";

interface ListFlags {
  readonly all?: boolean;
  readonly metadata?: readonly Assignment[];
}

export function listCommand(run: Run): Command {
  return newCommand("ls", "List sandboxes.", ["ls", "ls --all --json", "ls --metadata owner=ci --quiet"])
    .alias("list")
    .option("-a, --all", "also those that are stopped")
    .option("--metadata <KEY=VALUE>", "only those that were created with it (repeatable)", collectAssignment)
    .action((flags: ListFlags, command: Command) => run(command, (invocation) => list(invocation, flags)));
}

async function list(invocation: Invocation, flags: ListFlags): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const roost = await invocation.roost();
  const filter = { metadata: toMetadata(flags.metadata), pageSize: 100, signal };
  const status = flags.all === true ? SANDBOX_STATUSES : undefined;
  const sandboxes = await Array.fromAsync(roost.sandboxes.list({ ...filter, status }));
  if (invocation.json) return void (await print.json(sandboxes));
  if (invocation.quiet) {
    for (const sandbox of sandboxes) await print.line(sandbox.id);
    return;
  }
  await print.table(columns(surroundings.now()), sandboxes);
}

function columns(now: Date): readonly Column<Sandbox>[] {
  return [
    { title: "ID", text: (sandbox) => sandbox.id },
    { title: "STATUS", text: (sandbox) => sandbox.status, colour: (sandbox) => statusColour(sandbox.status) },
    { title: "TEMPLATE", text: (sandbox) => sandbox.template },
    { title: "VCPUS", text: (sandbox) => String(sandbox.vcpus), align: "right" },
    { title: "MEMORY", text: (sandbox) => formatMemory(sandbox.memoryMb), align: "right" },
    { title: "CREATED", text: (sandbox) => relativeTime(sandbox.createdAt, now) },
    { title: "METADATA", text: (sandbox) => formatMetadata(sandbox.metadata) },
  ];
}

function formatMetadata(metadata: Readonly<Record<string, string>>): string {
  return Object.entries(metadata)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}
