/**
 * Where a file from a sandbox goes. It appears under its name only when all of it is there: a download that breaks off
 * leaves the old file as it was, and nothing beside it.
 */
import { constants, createWriteStream } from "node:fs";
import { access, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CommandFailure } from "../command-failure.ts";
import { writeWhole } from "../output/printer.ts";
import type { Output } from "../surroundings.ts";

/** Into a file, or into a folder under `name`. Answers with the path. */
export async function writeLocal(path: string, name: string, stream: ReadableStream<Uint8Array>): Promise<string> {
  const target = (await kindOf(path)) === "folder" ? join(path, name) : path;
  const kind = await kindOf(target);
  if (kind === "folder") throw new CommandFailure(`${target} is a folder: name the file to write.`);
  // A device or a pipe is written to, not replaced.
  if (kind === "special") await pour(stream, createWriteStream(target, { flags: "r+" }), target);
  else await replace(target, stream);
  return target;
}

/** Resolves when the system has taken the last byte: the process may end then. */
export async function writeStandard(stdout: Output, stream: ReadableStream<Uint8Array>): Promise<string> {
  for await (const chunk of stream) await writeWhole(stdout, chunk);
  return "-";
}

async function replace(target: string, stream: ReadableStream<Uint8Array>): Promise<void> {
  const part = `${target}.${process.pid}.part`;
  await access(dirname(target), constants.W_OK).catch(async (cause: unknown) => {
    await stream.cancel();
    throw new CommandFailure(`Cannot write to ${dirname(target)}: no such folder, or not for this user.`, { cause });
  });
  try {
    await pour(stream, createWriteStream(part, { flags: "wx" }), target);
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function pour(stream: ReadableStream<Uint8Array>, writable: Writable, target: string): Promise<void> {
  const failures: unknown[] = [];
  writable.once("error", (error) => failures.push(error));
  try {
    await pipeline(Readable.fromWeb(stream), writable);
  } catch (error) {
    const isOurs = failures.includes(error) && error instanceof Error && "code" in error && "syscall" in error;
    if (!isOurs) throw error;
    throw new CommandFailure(`Cannot write ${target} (${String(error.code)}).`, { cause: error });
  }
}

async function kindOf(path: string): Promise<"folder" | "file" | "special" | "nothing"> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) return "nothing";
  if (facts.isDirectory()) return "folder";
  return facts.isFile() ? "file" : "special";
}
