/** What was changed in a team, and what it may have. */
import { type Amount, type AuditEvent, auditEventToWire } from "@roost/sdk";
import { type Command, InvalidArgumentError, Option } from "commander";
import { newCommand, type Run } from "../../command.ts";
import type { Invocation } from "../../invocation.ts";
import { type TeamFlags, teamIdOf, teamOption } from "./find-team.ts";

interface AuditFlags extends TeamFlags {
  readonly limit: number;
}

export function recordCommands(run: Run): readonly Command[] {
  return [
    newCommand("audit", "List what was changed in a team, newest first.", [
      "team audit",
      "team audit --limit 1000 --json",
    ])
      .addOption(new Option("--limit <n>", "how many entries").argParser(parseCount).default(50))
      .addOption(teamOption())
      .action((flags: AuditFlags, command: Command) => run(command, (call) => listEvents(call, flags))),
    newCommand("limits", "Show what your team may have at once, and has.", ["team limits"]).action(
      (_flags: unknown, command: Command) => run(command, showLimits),
    ),
  ];
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("It is a whole number from 1 on.");
  return Number(text);
}

async function listEvents(invocation: Invocation, flags: AuditFlags): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.account();
  const events: AuditEvent[] = [];
  for await (const event of roost.teams.audit(await teamIdOf(roost, flags.team, signal), { signal })) {
    events.push(event);
    if (events.length === flags.limit) break;
  }
  if (invocation.json) return void (await print.json(events.map(auditEventToWire)));
  await print.table<AuditEvent>(
    [
      { title: "WHEN", text: (event) => event.at.toISOString() },
      { title: "WHO", text: (event) => event.actor },
      { title: "FROM", text: (event) => event.address ?? "-" },
      {
        title: "WHAT",
        text: (event) => (event.outcome === "done" ? event.action : `${event.action} (${event.outcome})`),
      },
      { title: "OF", text: (event) => event.subject ?? "-" },
    ],
    events,
  );
}

async function showLimits(invocation: Invocation): Promise<undefined> {
  const { print, signal } = invocation;
  const roost = await invocation.roost();
  const { sandboxes, vcpus, memoryMb, snapshots, diskMb } = await roost.teams.limits({ signal });
  if (invocation.json) {
    return void (await print.json({ sandboxes, vcpus, memory_mb: memoryMb, snapshots, disk_mb: diskMb }));
  }
  const rows: readonly (readonly [string, Amount])[] = [
    ["sandboxes", sandboxes],
    ["vCPUs at work", vcpus],
    ["memory at work, MiB", memoryMb],
    ["snapshots", snapshots],
    ["snapshots on disks, MiB", diskMb],
  ];
  await print.table<(typeof rows)[number]>(
    [
      { title: "", text: ([name]) => name },
      { title: "HAS", text: ([, { used }]) => String(used), align: "right" },
      { title: "MAY HAVE", text: ([, { limit }]) => (limit === null ? "any" : String(limit)), align: "right" },
    ],
    rows,
  );
}
