/** Programs that nobody waits for: they get what CPU and disk others leave, and end with the agent. */
import { RoostError } from "@roost/protocol/errors";
import { CommandError, type CommandOutput, runCommand } from "./run.ts";

/** `setpriv`: an agent that is killed leaves nobody behind who still writes into folders that the next one tidies. */
const IN_BACKGROUND = ["setpriv", "--pdeathsig", "KILL", "ionice", "-c", "3", "nice", "-n", "19"] as const;
/** Gigabytes, on a slow disk that others use. */
const LIMIT_MS = 60 * 60_000;

/** @throws RoostError `disk_full`, `internal` with what the program said; the signal's reason, when the program is gone. */
export async function runInBackground(command: readonly string[], signal: AbortSignal): Promise<CommandOutput> {
  const [program, ...rest] = IN_BACKGROUND;
  try {
    return await runCommand([program, ...rest, ...command], { timeoutMs: LIMIT_MS, signal });
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    const full = /No space left on device|Disk quota exceeded/.test(cause.stderr);
    throw new RoostError(full ? "disk_full" : "internal", `${command[0]} has failed: ${cause.stderr.trim()}`, {
      cause,
    });
  }
}
