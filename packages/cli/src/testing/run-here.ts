/** The command line in the test's own process, where clock and terminal are the test's choice. */
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { runCli } from "../cli.ts";
import type { Environment } from "../surroundings.ts";

export interface HereOptions {
  readonly env: Environment;
  readonly now?: Date;
  /** Whether stdout and stderr are terminals. */
  readonly terminal?: boolean;
}

export interface FinishedHere {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runHere(args: readonly string[], options: HereOptions): Promise<FinishedHere> {
  const output = (): PassThrough & { isTTY: boolean } =>
    Object.assign(new PassThrough({ highWaterMark: 1 << 24 }), { isTTY: options.terminal ?? false });
  const [stdout, stderr] = [output(), output()];
  const exitCode = await runCli(args, {
    env: options.env,
    checkout: "/nonexistent",
    stdin: new PassThrough().end(),
    stdout,
    stderr,
    now: () => options.now ?? new Date(),
    interrupted: new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}
