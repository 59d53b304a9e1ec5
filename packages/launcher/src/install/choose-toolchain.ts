/**
 * Who builds the native programs: a Rust of the user's own, if it is new enough and has a C linker that links statically;
 * else Debian's, in a build root of ours (`build-root.ts`), so that the machine itself gets no compiler.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProgramFailure, runProgram } from "../programs/run-program.ts";
import type { Settings } from "../settings.ts";
import { openBuildRoot } from "./build-root.ts";
import { CARGO_ENVIRONMENT, type Toolchain } from "./toolchain.ts";

const OLDEST_CARGO = [1, 88] as const;

/** Picks by trying, not by asking for versions alone. */
export async function chooseToolchain(
  settings: Settings,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Toolchain> {
  const version = await ownCargoVersion(signal);
  if (version === undefined) say("no Rust 1.88 or newer here: building with Debian's, in a root of its own");
  else if (await linksStatically(signal)) return ownToolchain(settings, version);
  else say(`cargo ${version} is here, but no C compiler that links statically: building in a Debian root of its own`);
  return openBuildRoot(settings, say, signal);
}

function ownToolchain(settings: Settings, version: string): Toolchain {
  const env = { ...settings.environment, ...CARGO_ENVIRONMENT, CARGO_TARGET_DIR: join(settings.cache, "target") };
  return {
    name: `cargo ${version}`,
    cargo: async (args, onLine, signal, added = {}) => {
      const cwd = join(settings.checkout, "native");
      await runProgram(["cargo", ...args], { cwd, env: { ...env, ...added }, onLine, signal });
    },
  };
}

/** The version of the cargo on PATH, when it is there, works, and is new enough. */
async function ownCargoVersion(signal: AbortSignal): Promise<string | undefined> {
  const answer = await runProgram(["cargo", "--version"], { signal }).catch(failedProgram);
  const version = answer === undefined ? undefined : /^cargo (\d+\.\d+\.\d+)/.exec(answer)?.[1];
  return version !== undefined && isNewEnough(version) ? version : undefined;
}

export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST_CARGO[0] || (major === OLDEST_CARGO[0] && minor >= OLDEST_CARGO[1]);
}

async function linksStatically(signal: AbortSignal): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "roost-link-"));
  try {
    await writeFile(join(folder, "main.c"), "int main(void) { return 0; }\n");
    const made = await runProgram(["cc", "-static", "-o", "main", "main.c"], { cwd: folder, signal }).catch(
      failedProgram,
    );
    return made !== undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function failedProgram(error: unknown): undefined {
  if (!(error instanceof ProgramFailure)) throw error;
  return undefined;
}
