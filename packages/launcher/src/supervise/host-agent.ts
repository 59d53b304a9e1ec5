/** The host agent of this machine as a process: root, and killed by the kernel when the launcher ends (its keepers live on). */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { runProgram } from "../programs/run-program.ts";
import { homePaths, localUrl, type Settings } from "../settings.ts";
import { serverEnvironment } from "./server-environment.ts";
import { SERVER_FLAGS } from "./server-flags.ts";
import { startService } from "./start-service.ts";

export function startHostAgent(settings: Settings, joinToken: string | undefined): ChildProcess {
  const command = ["setpriv", "--pdeathsig", "KILL", process.execPath, ...SERVER_FLAGS, agentEntry(settings)] as const;
  const env = { ...agentEnvironment(settings), ...(joinToken === undefined ? {} : { ROOST_HOST_TOKEN: joinToken }) };
  return startService(command, { cwd: settings.checkout, env });
}

/** What became of the sandboxes that ran. */
export interface Rest {
  readonly paused: number;
  /** Could not be paused; their disks are kept. */
  readonly ended: number;
}

export function restInWords({ paused, ended }: Rest): string {
  const sandboxes = (count: number) => (count === 1 ? "1 sandbox" : `${count} sandboxes`);
  if (paused + ended === 0) return "no sandbox was running";
  const words = paused === 0 ? [] : [`paused ${sandboxes(paused)}`];
  if (ended > 0) words.push(`${sandboxes(ended)} could not be paused and ended: their disks are kept, see the logs`);
  return words.join("; ");
}

/**
 * Pauses the sandboxes of this Roost's host and takes away all that it has in the kernel, without a control plane and without an
 * agent that runs.
 */
export async function putHostToRest(settings: Settings, onLine: (line: string) => void): Promise<Rest> {
  let rest: Rest = { paused: 0, ended: 0 };
  await runProgram([process.execPath, agentEntry(settings), "teardown"], {
    cwd: settings.checkout,
    env: agentEnvironment(settings),
    onLine(line) {
      onLine(line);
      rest = restIn(line) ?? rest;
    },
  });
  return rest;
}

/** The agent's settings as this Roost's agent has them: what it prints, one line of JSON. */
export function listAgentSettings(settings: Settings): Promise<string> {
  return runProgram([process.execPath, agentEntry(settings), "config"], {
    cwd: settings.checkout,
    env: agentEnvironment(settings),
  });
}

/** Of the teardown's log lines one tells the numbers. */
function restIn(line: string): Rest | undefined {
  const [, paused, ended] = /^\{.*"paused":(\d+),"ended":(\d+)/.exec(line) ?? [];
  return paused === undefined ? undefined : { paused: Number(paused), ended: Number(ended) };
}

function agentEntry(settings: Settings): string {
  return join(settings.checkout, "packages/host-agent/src/main.ts");
}

function agentEnvironment(settings: Settings): Record<string, string> {
  return {
    // A laptop that runs all of it itself has nobody to protect its sandboxes from when its own control plane restarts.
    ROOST_ON_CONTROL_LOSS: "keep",
    ...serverEnvironment(settings.environment),
    ROOST_DATA: homePaths.agentData(settings),
    ROOST_ASSETS: settings.cache,
    ROOST_AGENT_LISTEN: settings.agentListen,
    ROOST_CONTROL_PLANE_URL: localUrl(settings.listen),
  };
}
