/** `roost host`: the machines that sandboxes run on. */

import { type Host, hostToWire } from "@roost/sdk";
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { formatMemory } from "../output/amounts.ts";
import { statusColour } from "../output/paint.ts";
import { relativeTime } from "../output/relative-time.ts";

export function hostCommand(run: Run): Command {
  const list = newCommand("ls", "List hosts.", ["host ls", "host ls --json"])
    .alias("list")
    .action((_flags: unknown, command: Command) => run(command, listHosts));
  return newCommand("host", "See the machines that sandboxes run on.", ["host ls"]).addCommand(list);
}

async function listHosts(invocation: Invocation): Promise<undefined> {
  const { print, signal, surroundings } = invocation;
  const roost = await invocation.account();
  const hosts = await Array.fromAsync(roost.hosts.list({ signal }));
  if (invocation.json) return void (await print.json(hosts.map(hostToWire)));
  if (invocation.quiet) {
    for (const host of hosts) await print.line(host.id);
    return;
  }
  const now = surroundings.now();
  await print.table<Host>(
    [
      { title: "ID", text: (host) => host.id },
      { title: "TYPE", text: (host) => host.type },
      { title: "STATUS", text: (host) => host.status, colour: (host) => statusColour(host.status) },
      { title: "ADDRESS", text: (host) => host.address ?? "-" },
      { title: "CPUS", text: (host) => String(host.cpuCores ?? "-"), align: "right" },
      { title: "MEMORY", text: (host) => (host.memoryMb === null ? "-" : formatMemory(host.memoryMb)), align: "right" },
      {
        title: "HEARTBEAT",
        text: (host) => (host.lastHeartbeatAt === null ? "never" : relativeTime(host.lastHeartbeatAt, now)),
      },
      { title: "TAGS", text: (host) => host.tags.join(" ") },
    ],
    hosts,
  );
}
