/**
 * `./roost down`: pauses the running sandboxes, stops everything, leaves nothing running. Also after a launcher that was killed: what it
 * has left is found by what the kernel knows, and taken away.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LauncherFailure } from "../failure.ts";
import type { Settings } from "../settings.ts";
import { clearUp } from "../supervise/clear-up.ts";
import { logPath } from "../supervise/event-log.ts";
import { followFile } from "../supervise/follow-file.ts";
import { restInWords } from "../supervise/host-agent.ts";
import { runningLauncher } from "../supervise/launcher-record.ts";
import { needRoot } from "./install.ts";
import type { Machine } from "./machine.ts";

const LOOK_AGAIN_MS = 50;
const PATIENCE_MS = 5 * 60_000;

export async function down(settings: Settings, machine: Machine): Promise<void> {
  needRoot(machine, "stop what runs as root and as users of its own");
  const say = (line: string) => machine.stderr.write(`${line}\n`);
  const running = await runningLauncher(settings);
  if (running === undefined) {
    const rest = await clearUp(settings, say, machine.interrupted);
    say(
      rest.paused + rest.ended === 0
        ? "Roost does not run here; nothing is left of it."
        : `Roost did not run here any more, but sandboxes did: ${restInWords(rest)}.`,
    );
    return;
  }
  await stopped(settings, running.pid, say, machine.interrupted);
  say("Roost is down.");
}

/** Asks the launcher to stop, shows what it says meanwhile, and returns when it is gone. */
async function stopped(
  settings: Settings,
  pid: number,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const log = logPath(settings, "launcher");
  await using _events = await followFile(log, (line) => say(withoutDate(line)));
  process.kill(pid, "SIGTERM");
  for (let waited = 0; (await runningLauncher(settings)) !== undefined; waited += LOOK_AGAIN_MS) {
    if (waited > PATIENCE_MS) throw new LauncherFailure(`process ${pid} does not end; ${log} may say why`);
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}

function withoutDate(line: string): string {
  return line.replace(/^\S+T(\d\d:\d\d:\d\d)\S* /, "$1 ");
}
