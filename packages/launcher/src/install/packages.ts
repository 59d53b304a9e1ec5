/**
 * Packages of the machine's own distribution: what is missing is installed, nothing else is touched. No recommended
 * packages, no questions, nothing removed, no configuration file replaced.
 */
import { ProgramFailure, runProgram } from "../programs/run-program.ts";
import type { Environment } from "../settings.ts";

export interface AptOptions {
  readonly environment: Environment;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Which of these packages are not installed. */
export async function missingPackages(names: readonly string[], signal: AbortSignal): Promise<string[]> {
  // dpkg-query fails when it has never heard of one of the names, so each is asked for alone.
  const answers = await Promise.all(
    names.map((name) => runProgram(["dpkg-query", "--status", name], { signal }).catch(unknownPackage)),
  );
  return names.filter((_, index) => !isInstalled(answers[index] ?? ""));
}

/** Whether dpkg's answer about one name (a paragraph for each architecture it knows) says installed. */
export function isInstalled(answer: string): boolean {
  return answer.split("\n").includes("Status: install ok installed");
}

/** Installs packages; the lists are fetched anew only if what is known of them does not do. */
export async function installPackages(names: readonly string[], options: AptOptions): Promise<void> {
  if (names.length === 0) return;
  try {
    await apt(["install", "--yes", "--no-install-recommends", "--no-remove", ...names], options);
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    await updateLists(options);
    await apt(["install", "--yes", "--no-install-recommends", "--no-remove", ...names], options);
  }
}

/** Fetches the package lists anew. */
export async function updateLists(options: AptOptions): Promise<void> {
  options.say("fetching the package lists");
  await apt(["update"], options);
}

/** Another apt at work (unattended upgrades, say) is waited for. */
const APT_OPTIONS = [
  "--quiet",
  "--option=DPkg::Lock::Timeout=300",
  "--option=Dpkg::Options::=--force-confold",
  "--option=Dpkg::Use-Pty=0",
];

async function apt(args: readonly string[], { environment, say, signal }: AptOptions): Promise<void> {
  const env = { ...environment, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
  await runProgram(["apt-get", ...APT_OPTIONS, ...args], { env, signal, onLine: say });
}

function unknownPackage(error: unknown): string {
  if (error instanceof ProgramFailure && error.exitCode === 1) return "";
  throw error;
}
