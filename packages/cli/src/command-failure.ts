/** A failure of a command's own making: one sentence that says what to do, and the exit status that goes with it. */
import { EXIT } from "./exit-codes.ts";

export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failure;
  }
}

/** What was typed makes no sense. */
export function usageFailure(message: string): CommandFailure {
  return new CommandFailure(message, { exitCode: EXIT.usage });
}
