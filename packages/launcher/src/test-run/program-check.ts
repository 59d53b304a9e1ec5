/** A check that a program makes: it passes when the program exits with 0; otherwise what it said is shown. */
import { ProgramFailure, runProgram } from "../programs/run-program.ts";
import type { Counts, Part, PartContext } from "./part.ts";

export function programCheck(name: string, command: (context: PartContext) => readonly [string, ...string[]]): Part {
  return {
    name,
    async run(context): Promise<Counts> {
      const lines: string[] = [];
      try {
        const { settings, environment: env, signal } = context;
        await runProgram(command(context), { cwd: settings.checkout, env, signal, onLine: (line) => lines.push(line) });
        return { passed: 1, failed: 0, skipped: 0 };
      } catch (error) {
        if (!(error instanceof ProgramFailure)) throw error;
        context.write(`${lines.length > 0 ? lines.join("\n") : error.message}\n`);
        return { passed: 0, failed: 1, skipped: 0 };
      }
    },
  };
}
