/** The host agent of this machine as a process: root, and killed by the kernel when the launcher ends (its keepers live on). */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { runProgram } from "../programs/run-program.ts";
import { homePaths, localUrl, type Settings } from "../settings.ts";
import { serverEnvironment } from "./server-environment.ts";
import { startService } from "./start-service.ts";

export function startHostAgent(settings: Settings, joinToken: string | undefined): ChildProcess {
  const command = ["setpriv", "--pdeathsig", "KILL", process.execPath, agentEntry(settings)] as const;
  const env = { ...agentEnvironment(settings), ...(joinToken === undefined ? {} : { ROOST_HOST_TOKEN: joinToken }) };
  return startService(command, { cwd: settings.checkout, env });
}

/**
 * Destroys all that this Roost's host has on the machine, without a control plane and without an agent that runs. Says how many
 * sandboxes that were.
 */
export async function teardownHost(settings: Settings, onLine: (line: string) => void): Promise<number> {
  let destroyed = 0;
  await runProgram([process.execPath, agentEntry(settings), "teardown"], {
    cwd: settings.checkout,
    env: agentEnvironment(settings),
    onLine(line) {
      onLine(line);
      destroyed += destroyedIn(line);
    },
  });
  return destroyed;
}

/** The agent's settings as this Roost's agent has them: what it prints, one line of JSON. */
export function listAgentSettings(settings: Settings): Promise<string> {
  return runProgram([process.execPath, agentEntry(settings), "config"], {
    cwd: settings.checkout,
    env: agentEnvironment(settings),
  });
}

/** Of the teardown's log lines one tells the number. */
function destroyedIn(line: string): number {
  const number = /^\{.*"destroyed":(\d+)/.exec(line)?.[1];
  return number === undefined ? 0 : Number(number);
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
