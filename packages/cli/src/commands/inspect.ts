/** `roost inspect`: all that is known of one sandbox. */

import type { Sandbox } from "@roost/sdk";
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import { findSandbox } from "../find-sandbox.ts";
import type { Invocation } from "../invocation.ts";
import { formatMemory, formatSpan } from "../output/amounts.ts";
import { relativeTime } from "../output/relative-time.ts";

export function inspectCommand(run: Run): Command {
  return newCommand("inspect", "Show all about a sandbox.", ["inspect sb-mfzw", "inspect sb-mfzw --json"])
    .argument("<id>", "the sandbox")
    .action((id: string, _flags: unknown, command: Command) => run(command, (invocation) => inspect(invocation, id)));
}

async function inspect(invocation: Invocation, id: string): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const sandbox = await findSandbox(await invocation.roost(), id, signal);
  if (invocation.json) await print.json(sandbox);
  else await print.facts(factsOf(sandbox, surroundings.now()));
}

function factsOf(sandbox: Sandbox, now: Date): (readonly [string, string])[] {
  const time = (moment: Date | null): string =>
    moment === null ? "-" : `${moment.toISOString()} (${relativeTime(moment, now)})`;
  return [
    ["id", sandbox.id],
    ["status", sandbox.status],
    ...(sandbox.error === null ? [] : [["error", sandbox.error] as const]),
    ["template", sandbox.template],
    ["vcpus", String(sandbox.vcpus)],
    ["memory", formatMemory(sandbox.memoryMb)],
    ["pauses", sandbox.timeoutSec === 0 ? "never by itself" : `when idle for ${formatSpan(sandbox.timeoutSec * 1000)}`],
    ["internet", sandbox.internet ? "yes" : "no"],
    ["host", sandbox.hostId ?? "-"],
    ["address", sandbox.guestIp ?? "-"],
    ["created", time(sandbox.createdAt)],
    ["started", time(sandbox.startedAt)],
    ["last active", time(sandbox.lastActiveAt)],
    ["last change", time(sandbox.lastUpdated)],
    ...Object.entries(sandbox.metadata).map(([key, value]) => ["metadata", `${key}=${value}`] as const),
  ];
}
