/** `roost cp`: one file into a sandbox or out of it, streamed. */
import { basename } from "node:path";
import type { Command } from "commander";
import { newCommand, type Run } from "../command.ts";
import { usageFailure } from "../command-failure.ts";
import { countBytes } from "../copy/count-bytes.ts";
import { openSource } from "../copy/local-source.ts";
import { writeLocal, writeStandard } from "../copy/local-target.ts";
import { findSandbox } from "../find-sandbox.ts";
import type { Invocation } from "../invocation.ts";
import { formatBytes, formatSpan } from "../output/amounts.ts";
import { type Place, parsePlace } from "../parse/place.ts";

interface CopyFlags {
  readonly user?: string;
}

export function copyCommand(run: Run): Command {
  return newCommand("cp", "Copy a file into a sandbox or out of it.", [
    "cp notes.txt sb-mfzw:/home/user/",
    "cp sb-mfzw:/var/log/syslog .",
    "cp - sb-mfzw:/tmp/data < data.bin",
    "cp sb-mfzw:/etc/os-release -",
  ])
    .option("--user <name>", "whose file it is in the sandbox (default: the sandbox's own user)")
    .argument("<source>", "a file here, ID:PATH in a sandbox, or - for standard input")
    .argument("<target>", "a file or folder here, ID:PATH in a sandbox, or - for standard output")
    .action((source: string, target: string, flags: CopyFlags, command: Command) =>
      run(command, (invocation) => copy(invocation, parsePlace(source), parsePlace(target), flags)),
    );
}

type RemotePlace = Extract<Place, { kind: "remote" }>;
type HerePlace = Exclude<Place, RemotePlace>;

async function copy(invocation: Invocation, source: Place, target: Place, flags: CopyFlags): Promise<undefined> {
  if (source.kind === "remote" && target.kind === "remote") {
    throw usageFailure("cp does not copy from sandbox to sandbox: copy to a file here, then on.");
  }
  if (target.kind === "remote" && source.kind !== "remote") return await upload(invocation, source, target, flags);
  if (source.kind === "remote" && target.kind !== "remote") return await download(invocation, source, target, flags);
  throw usageFailure("one side of cp has to be in a sandbox: write it ID:PATH.");
}

async function upload(
  invocation: Invocation,
  source: HerePlace,
  target: RemotePlace,
  flags: CopyFlags,
): Promise<undefined> {
  const { signal, surroundings } = invocation;
  const path = target.path.endsWith("/") ? `${target.path}${nameOf(source)}` : target.path;
  await using opened = await openSource(source, surroundings.stdin);
  const sandbox = await findSandbox(await invocation.roost(), target.sandbox, signal);
  const counted = countBytes();
  await withProgress(invocation, counted.bytes, opened.size, async () => {
    await sandbox.files.write(path, opened.stream.pipeThrough(counted.stream), { signal, user: flags.user });
  });
  await report(invocation, counted.bytes(), `${sandbox.id}:${path}`);
}

async function download(
  invocation: Invocation,
  source: RemotePlace,
  target: HerePlace,
  flags: CopyFlags,
): Promise<undefined> {
  const { signal, surroundings } = invocation;
  const sandbox = await findSandbox(await invocation.roost(), source.sandbox, signal);
  const counted = countBytes();
  const written = await withProgress(invocation, counted.bytes, undefined, async () => {
    const stream = (await sandbox.files.readStream(source.path, { signal, user: flags.user })).pipeThrough(
      counted.stream,
    );
    if (target.kind === "standard") return await writeStandard(surroundings.stdout, stream);
    return await writeLocal(target.path, basename(source.path), stream);
  });
  if (target.kind === "local") await report(invocation, counted.bytes(), written);
}

function nameOf(source: HerePlace): string {
  if (source.kind === "local") return basename(source.path);
  throw usageFailure("standard input has no name: write the whole path of the target, not only its folder.");
}

async function withProgress<T>(
  invocation: Invocation,
  bytes: () => number,
  size: number | undefined,
  body: () => Promise<T>,
): Promise<T> {
  using _progress = invocation.print.progress((elapsed) => {
    const whole = size === undefined ? "" : ` of ${formatBytes(size)}`;
    const rate = elapsed < 1000 ? "" : `, ${formatBytes(bytes() / (elapsed / 1000))}/s`;
    return `${formatBytes(bytes())}${whole}${rate} … ${formatSpan(elapsed)}`;
  });
  return await body();
}

async function report(invocation: Invocation, bytes: number, target: string): Promise<void> {
  const { print } = invocation;
  if (invocation.json) await print.json({ bytes, target });
  else await print.note(`${formatBytes(bytes)} to ${target}`);
}
