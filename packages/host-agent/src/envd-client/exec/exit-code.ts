/** A process's end as the exit code that a shell would report. */
import type { process } from "@roost/protocol/envd";

const SIGNAL_BASE = 128;

/** How the guest agent names the signals 1 to 31 (as E2B's agent does): `signal: killed`. Others it numbers: `signal: signal 40`. */
const SIGNALS = [
  "hangup",
  "interrupt",
  "quit",
  "illegal instruction",
  "trace/breakpoint trap",
  "aborted",
  "bus error",
  "floating point exception",
  "killed",
  "user defined signal 1",
  "segmentation fault",
  "user defined signal 2",
  "broken pipe",
  "alarm clock",
  "terminated",
  "stack fault",
  "child exited",
  "continued",
  "stopped (signal)",
  "stopped",
  "stopped (tty input)",
  "stopped (tty output)",
  "urgent I/O condition",
  "CPU time limit exceeded",
  "file size limit exceeded",
  "virtual timer expired",
  "profiling timer expired",
  "window changed",
  "I/O possible",
  "power failure",
  "bad system call",
];

export function exitCodeOf(end: process.ProcessEvent_EndEvent): number {
  return end.exited ? end.exitCode & 0xff : SIGNAL_BASE + signalNumber(end.status);
}

/** 0 when the status names no signal. */
function signalNumber(status: string): number {
  const name = status.replace(/^signal: /, "");
  const numbered = /^signal (\d{1,2})$/.exec(name)?.[1];
  return numbered === undefined ? SIGNALS.indexOf(name) + 1 : Number(numbered);
}
