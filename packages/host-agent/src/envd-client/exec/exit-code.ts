/** A process's end as the exit code that a shell would report. */

import { constants } from "node:os";
import type { process } from "@roost/protocol/envd";

const SIGNAL_BASE = 128;

export function exitCodeOf(end: process.ProcessEvent_EndEvent): number {
  if (end.exited) return end.exitCode & 0xff;
  return SIGNAL_BASE + signalNumber(end.status);
}

/** The number in a status such as `SIGKILL`; 0 when it names none. */
function signalNumber(status: string): number {
  const name = /\bSIG[A-Z0-9]{2,8}\b/.exec(status)?.[0] ?? "";
  return Object.entries(constants.signals).find(([known]) => known === name)?.[1] ?? 0;
}
