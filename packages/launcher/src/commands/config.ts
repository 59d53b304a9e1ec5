/**
 * `./roost config`: every setting of this Roost with what is in force: of the command line, the control plane, the host agent (A5).
 * Each program lists its own; what the launcher sets for the servers is in what they list.
 */
import { join } from "node:path";
import { runProgram } from "../programs/run-program.ts";
import type { Settings } from "../settings.ts";
import { listAgentSettings } from "../supervise/host-agent.ts";
import { adminEnvironment, adminScript, requireInstallation } from "./admin.ts";
import type { Machine } from "./machine.ts";

interface ListedSetting {
  readonly name: string;
  readonly description: string;
  readonly value: string | number | null;
}

interface ClientSetting {
  readonly value: string | null;
  readonly source: string | null;
}

export async function config(settings: Settings, machine: Machine, { json }: { json: boolean }): Promise<void> {
  requireInstallation(settings);
  const [client, controlPlane, hostAgent] = (
    await Promise.all([listClientSettings(settings), listControlPlaneSettings(settings), listAgentSettings(settings)])
  ).map((text) => JSON.parse(text)) as [Record<string, ClientSetting>, ListedSetting[], ListedSetting[]];
  if (json) {
    const all = { client, control_plane: controlPlane, host_agent: hostAgent };
    machine.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`);
    return;
  }
  const parts = [
    ["Command line", Object.entries(client).map(([name, { value, source }]) => clientLine(name, value, source))],
    ["Control plane", controlPlane.map(serverLine)],
    ["Host agent", hostAgent.map(serverLine)],
  ] as const;
  machine.stdout.write(parts.map(([title, lines]) => `${title}\n${lines.join("\n")}\n`).join("\n"));
}

function clientLine(name: string, value: string | null, source: string | null): string {
  return `  ${name}=${value ?? ""}\n      ${source === null ? "Not set." : `From: ${source}.`}`;
}

function serverLine({ name, value, description }: ListedSetting): string {
  return `  ${name}=${value ?? ""}\n      ${description}`;
}

function listClientSettings(settings: Settings): Promise<string> {
  const script = join(settings.checkout, "packages/cli/src/main.ts");
  return runProgram([process.execPath, script, "config", "--json"], { env: settings.environment });
}

/** As ./roost starts it; the database's address is the launcher's own unless DATABASE_URL names another. */
function listControlPlaneSettings(settings: Settings): Promise<string> {
  const env = adminEnvironment(settings, settings.databaseUrl);
  return runProgram([process.execPath, adminScript(settings), "config", "--json"], { cwd: settings.checkout, env });
}
