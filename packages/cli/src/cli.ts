/** One run of the command line, from its arguments to its exit status. */
import type { Command, CommanderError } from "commander";
import type { Handler } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { describeFailure } from "./failures.ts";
import { type GlobalOptions, Invocation } from "./invocation.ts";
import { BrokenPipe, Printer } from "./output/printer.ts";
import { separateCommand } from "./parse/exec-arguments.ts";
import { buildProgram } from "./program.ts";
import type { Surroundings } from "./surroundings.ts";

export async function runCli(args: readonly string[], surroundings: Surroundings): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(async (command, handler) => {
    exitCode = await runHandler(command, handler, surroundings);
  });
  const texts = captureTexts(program);
  try {
    await program.parseAsync(
      separateCommand(args, (option) => takesValue(program, option)),
      { from: "user" },
    );
  } catch (error) {
    if (!(error instanceof ParsingEnd)) throw error;
    exitCode = error.exitCode;
  }
  return await flush(texts, exitCode, surroundings);
}

async function runHandler(command: Command, handler: Handler, surroundings: Surroundings): Promise<number> {
  const invocation = new Invocation(surroundings, command.optsWithGlobals<GlobalOptions>());
  try {
    return (await handler(invocation)) ?? 0;
  } catch (error) {
    const otherwise = command.name() === "exec" ? EXIT.execFailure : EXIT.failure;
    const { message, exitCode } = describeFailure(error, otherwise);
    if (message !== undefined) await invocation.print.failure(message);
    return exitCode;
  }
}

/** Why commander came to no handler: help was asked for (0), or what was typed makes no sense. */
class ParsingEnd extends Error {
  readonly exitCode: number;

  constructor(command: Command, cause: CommanderError) {
    super(cause.message, { cause });
    this.exitCode = cause.exitCode === 0 ? 0 : command.name() === "exec" ? EXIT.execFailure : EXIT.usage;
  }
}

interface Texts {
  readonly stdout: string[];
  readonly stderr: string[];
}

/** Commander writes without waiting, and ends the process: here it does neither. */
function captureTexts(program: Command): Texts {
  const texts: Texts = { stdout: [], stderr: [] };
  const prepare = (command: Command): void => {
    command.exitOverride((error) => {
      throw new ParsingEnd(command, error);
    });
    command.configureOutput({
      writeOut: (text) => texts.stdout.push(text),
      writeErr: (text) => texts.stderr.push(text),
      outputError: (text, write) => write(text.replace(/^error: /, "roost: ")),
    });
    for (const sub of command.commands) prepare(sub);
  };
  prepare(program);
  return texts;
}

async function flush(texts: Texts, exitCode: number, surroundings: Surroundings): Promise<number> {
  const print = new Printer(surroundings, { json: false, quiet: false });
  try {
    await print.stdout(texts.stdout.join(""));
    await print.stderr(texts.stderr.join(""));
    return exitCode;
  } catch (error) {
    if (error instanceof BrokenPipe) return EXIT.brokenPipe;
    throw error;
  }
}

/** Whether an option of the program or of `exec`, as written, is followed by a value. */
function takesValue(program: Command, written: string): boolean {
  const exec = program.commands.find((command) => command.name() === "exec");
  const option = [...program.options, ...(exec?.options ?? [])].find(
    (known) => known.short === written || known.long === written,
  );
  return option?.required ?? false;
}
