/** For tests: a way to make each step of an operation fail in turn. */
import { CommandError, type CommandRunner } from "./run.ts";

export interface FailingRun {
  readonly run: CommandRunner;
  /** The command that failed; `undefined` when the operation has fewer commands than that. */
  readonly failed: () => string | undefined;
}

/**
 * Runs all commands by `run` but the one with number `failAt` (from 0), which fails: `before` it has done anything, or `after` it has done
 * all. A program that fails in the middle is somewhere between the two.
 */
export function failingRun(run: CommandRunner, failAt: number, when: "before" | "after"): FailingRun {
  let count = 0;
  let failed: string | undefined;
  return {
    failed: () => failed,
    run: async (argv, options) => {
      const isTheOne = count++ === failAt;
      if (isTheOne) failed = argv.join(" ");
      if (isTheOne && when === "before") throw new CommandError(argv[0], "planted failure", { status: 1 });
      const output = await run(argv, options);
      if (isTheOne) throw new CommandError(argv[0], "planted failure", { status: 1 });
      return output;
    },
  };
}
