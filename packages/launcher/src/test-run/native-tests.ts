/** The native programs: rustfmt and clippy where the toolchain has them, and cargo's tests. */
import { chooseToolchain } from "../install/choose-toolchain.ts";
import type { Toolchain } from "../install/toolchain.ts";
import { ProgramFailure } from "../programs/run-program.ts";
import type { Counts, Part, PartContext } from "./part.ts";

export const NATIVE_TESTS: readonly Part[] = [
  optionalCheck("rustfmt", "fmt", ["fmt", "--all", "--check"]),
  optionalCheck("clippy", "clippy", ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
  {
    name: "native tests",
    async run(context) {
      const { succeeded, lines } = await cargo(context, await toolchainOf(context), [
        "test",
        "--locked",
        "--no-fail-fast",
      ]);
      const counts = cargoCounts(lines);
      // What does not even compile has no result line.
      return succeeded || counts.failed > 0 ? counts : { ...counts, failed: 1 };
    },
  },
];

/** A check that counts as skipped where the toolchain (Debian's own, say) does not have the tool. */
function optionalCheck(name: string, tool: string, args: readonly string[]): Part {
  return {
    name,
    async run(context) {
      const toolchain = await toolchainOf(context);
      if (!(await has(toolchain, tool, context.signal))) return { passed: 0, failed: 0, skipped: 1 };
      const { succeeded } = await cargo(context, toolchain, args);
      return succeeded ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
    },
  };
}

/** Adds up cargo's `test result: ok. 12 passed; 0 failed; 1 ignored; …` lines, one for each test program. */
export function cargoCounts(lines: readonly string[]): Counts {
  let counts = { passed: 0, failed: 0, skipped: 0 };
  for (const line of lines) {
    const found = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/.exec(line);
    if (found === null) continue;
    const [passed = 0, failed = 0, ignored = 0] = found.slice(1).map(Number);
    counts = { passed: counts.passed + passed, failed: counts.failed + failed, skipped: counts.skipped + ignored };
  }
  return counts;
}

function toolchainOf({ settings, signal }: PartContext): Promise<Toolchain> {
  return chooseToolchain(settings, () => {}, signal);
}

async function has(toolchain: Toolchain, tool: string, signal: AbortSignal): Promise<boolean> {
  try {
    await toolchain.cargo([tool, "--version"], () => {}, signal);
    return true;
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    return false;
  }
}

async function cargo(
  { write, signal }: PartContext,
  toolchain: Toolchain,
  args: readonly string[],
): Promise<{ readonly succeeded: boolean; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  try {
    await toolchain.cargo(args, (line) => lines.push(line), signal);
    return { succeeded: true, lines };
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    write(`${lines.join("\n")}\n`);
    return { succeeded: false, lines };
  }
}
