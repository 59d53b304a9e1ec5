/** The file here that is copied from, or standard input. */
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { CommandFailure } from "../command-failure.ts";
import type { Place } from "../parse/place.ts";
import type { Input } from "../surroundings.ts";

export interface Source extends AsyncDisposable {
  readonly stream: ReadableStream<Uint8Array>;
  /** Undefined where it cannot be known. */
  readonly size: number | undefined;
}

export async function openSource(place: Exclude<Place, { kind: "remote" }>, stdin: Input): Promise<Source> {
  if (place.kind === "standard") {
    return { stream: Readable.toWeb(stdin), size: undefined, [Symbol.asyncDispose]: async () => undefined };
  }
  const file = await open(place.path).catch((cause: unknown) => {
    throw new CommandFailure(`Cannot read ${place.path} (${codeOf(cause)}).`, { cause });
  });
  const facts = await file.stat();
  if (facts.isDirectory()) {
    await file.close();
    throw new CommandFailure(`${place.path} is a folder, and cp copies one file: pack it first, e.g. with tar.`);
  }
  return {
    stream: Readable.toWeb(file.createReadStream({ autoClose: false })),
    size: facts.isFile() ? facts.size : undefined,
    [Symbol.asyncDispose]: () => file.close(),
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
