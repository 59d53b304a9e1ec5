/**
 * Starts the process of a service, its output in our hands. In a session of its own: a Ctrl-C at the terminal goes to all processes of the
 * terminal's group, and it is for the launcher to stop its servers, in order.
 */
import { type ChildProcess, spawn } from "node:child_process";

export function startService(
  [program, ...args]: readonly [string, ...string[]],
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string },
): ChildProcess {
  return spawn(program, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
}
