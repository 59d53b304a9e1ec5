/** Asking a person at a terminal; a password is not shown while it is typed. Questions go to stderr. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { usageFailure } from "./command-failure.ts";
import { readStdin } from "./read-stdin.ts";
import { type Input, Interruption, type Surroundings } from "./surroundings.ts";

export async function askLine(surroundings: Surroundings, question: string): Promise<string> {
  return await ask(surroundings, question, surroundings.stderr);
}

/** The line editor keeps working (backspace, Ctrl-U), it only has nowhere to show what it edits. */
export async function askSecret(surroundings: Surroundings, question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    return await ask(surroundings, question, nowhere);
  } finally {
    surroundings.stderr.write("\n");
  }
}

/** The first line of standard input, for secrets that come from a file or another program. */
export async function readFirstLine(stdin: Input, signal: AbortSignal): Promise<string> {
  const text = new TextDecoder().decode(await readStdin(stdin, signal));
  const line = text.split(/\r?\n/, 1)[0] ?? "";
  if (line === "") throw usageFailure("standard input holds no password on its first line.");
  return line;
}

async function ask(surroundings: Surroundings, question: string, editor: Writable): Promise<string> {
  const { stdin, stderr, interrupted } = surroundings;
  const lines = createInterface({ input: stdin, output: editor, terminal: true });
  // Only now: the terminal shows what is typed until the line editor has taken it over.
  if (editor !== stderr) stderr.write(question);
  // In raw mode Ctrl-C and Ctrl-D are characters: the editor reports the one, the other closes it.
  const given = new AbortController();
  const giveUp = (): void => given.abort(new Interruption("SIGINT"));
  lines.on("SIGINT", giveUp);
  lines.on("close", giveUp);
  try {
    return await lines.question(question, { signal: AbortSignal.any([given.signal, interrupted]) });
  } catch (error) {
    interrupted.throwIfAborted();
    given.signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
