/**
 * `roost exec`: a command in a sandbox. Its output goes byte for byte to the same streams, its exit status becomes ours;
 * failures of Roost's own are 125, and 124 means that it ran out of time.
 */
import { isUtf8 } from "node:buffer";
import type { ExecResult, Sandbox } from "@roost/sdk";
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import { usageFailure } from "../command-failure.ts";
import { EXIT } from "../exit-codes.ts";
import { findSandbox } from "../find-sandbox.ts";
import type { Invocation } from "../invocation.ts";
import { formatSpan } from "../output/amounts.ts";
import { type Assignment, collectAssignment, toEnvironment } from "../parse/assignments.ts";
import { parseDuration } from "../parse/duration.ts";
import { readStdin } from "../read-stdin.ts";

interface ExecFlags {
  readonly user?: string;
  readonly cwd?: string;
  readonly env?: readonly Assignment[];
  readonly timeout?: number;
  readonly stdin?: boolean;
}

export function execCommand(run: Run): Command {
  return newCommand("exec", "Run a command in a sandbox; its output and exit status are passed through.", [
    "exec sb-mfzw -- python3 -c 'print(6*7)'",
    "exec sb-mfzw --user root --timeout 5m -- apt-get install -y jq",
    "exec sb-mfzw -- sh -c 'echo $HOME | wc -c'",
    "exec -i sb-mfzw -- wc -l < notes.txt",
  ])
    .argument("<id>", "the sandbox")
    .argument("<command...>", "the command, found by PATH without a shell, and its arguments")
    .option("-u, --user <name>", "run as this user (default: the sandbox's own)")
    .option("-w, --cwd <path>", "run in this folder (default: the user's home)")
    .option("-e, --env <KEY=VALUE>", "set a variable; just KEY: its value here (repeatable)", collectAssignment)
    .option("--timeout <time>", "kill it after so long, e.g. 90s or 5m (default: 30s)", parseDuration)
    .option("-i, --stdin", "pass on what comes on standard input (up to 512 KB)")
    .action((id: string, words: string[], flags: ExecFlags, command: Command) =>
      run(command, (invocation) => exec(invocation, id, words, flags)),
    );
}

async function exec(invocation: Invocation, id: string, words: string[], flags: ExecFlags): Promise<number> {
  const [cmd, ...args] = words;
  if (cmd === undefined) throw usageFailure("exec needs a command: roost exec ID -- COMMAND.");
  const { signal, surroundings } = invocation;
  const options = {
    env: toEnvironment(flags.env, surroundings.env),
    cwd: flags.cwd,
    user: flags.user,
    timeoutSec: flags.timeout,
    stdin: flags.stdin === true ? await readStdin(surroundings.stdin, signal) : undefined,
    signal,
  };
  const sandbox = await findSandbox(await invocation.roost(), id, signal);
  const result = await execWatched(invocation, sandbox, cmd, args, options);
  await report(invocation, sandbox, cmd, result);
  return result.exitCode ?? EXIT.timedOut;
}

async function execWatched(
  invocation: Invocation,
  sandbox: Sandbox,
  ...call: Parameters<Sandbox["exec"]>
): Promise<ExecResult> {
  using _progress = invocation.print.progress((elapsed) => `${call[0]} … ${formatSpan(elapsed)}`);
  return await sandbox.exec(...call);
}

async function report(invocation: Invocation, sandbox: Sandbox, cmd: string, result: ExecResult): Promise<void> {
  const { print } = invocation;
  if (invocation.json) return await print.json(toJson(sandbox, cmd, result));
  await print.stdout(result.stdoutBytes);
  await print.stderr(result.stderrBytes);
  if (result.truncated)
    await print.failure(`${cmd} wrote more than the server keeps: the end of its output is missing.`);
  if (result.timedOut) {
    await print.failure(`${cmd} was killed after ${formatSpan(result.durationMs)}: give it more time with --timeout.`);
  }
}

/** As the REST API writes it: text where all of it is text, base64 otherwise. */
function toJson(sandbox: Sandbox, cmd: string, result: ExecResult): object {
  const isText = isUtf8(result.stdoutBytes) && isUtf8(result.stderrBytes);
  const encoded = (bytes: Uint8Array): string => Buffer.from(bytes).toString(isText ? "utf8" : "base64");
  return {
    sandbox_id: sandbox.id,
    cmd,
    stdout: encoded(result.stdoutBytes),
    stderr: encoded(result.stderrBytes),
    encoding: isText ? "utf-8" : "base64",
    exit_code: result.exitCode,
    duration_ms: result.durationMs,
    timed_out: result.timedOut,
    truncated: result.truncated,
  };
}
