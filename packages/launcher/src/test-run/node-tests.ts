/**
 * Node's own test runner over sets of files, each file in a process of its own. Those of the packages mostly wait, so there are two at once for
 * each processor; those that bring up whole Roosts with microVMs run two at once where the machine has two processors, and one after the
 * other with the long ones among them: some of these measure.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { glob, mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { TestScope } from "../command-line.ts";
import { LauncherFailure } from "../failure.ts";
import type { Counts, Part, PartContext } from "./part.ts";

/** No test may take longer; a hanging one must not hang the run. */
const TEST_LIMIT_MS = 15 * 60_000;

export async function nodeTestParts(checkout: string, scope: TestScope, files: readonly string[]): Promise<Part[]> {
  if (files.length > 0) return [nodeTests("tests", await namedFiles(checkout, files), 1)];
  if (scope === "lab") {
    const lab = await testFiles(checkout, "tests/lab/**/*.test.ts", true);
    if (lab.length === 0) throw new LauncherFailure("there are no tests under tests/lab");
    return [nodeTests("lab", lab, 1)];
  }
  const takeLong = scope === "all";
  const atOnce = Math.min(2, availableParallelism());
  const ofPackages = await testFiles(checkout, "packages/*/src/**/*.test.ts", takeLong);
  const whole = (await testFiles(checkout, "tests/**/*.test.ts", takeLong)).filter(
    (file) => !file.startsWith("tests/lab/"),
  );
  return [
    nodeTests("tests of the packages", ofPackages, 2 * atOnce),
    nodeTests("tests of the whole, with microVMs", whole, takeLong ? 1 : atOnce),
  ];
}

/** The files that these names and patterns mean; one that means none is a slip of the pen, not a run that passed. */
async function namedFiles(checkout: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    const matches = await Array.fromAsync(glob(name, { cwd: checkout }));
    if (matches.length === 0) throw new LauncherFailure(`there is no test file ${name} in ${checkout}`);
    found.push(...matches);
  }
  return found;
}

async function testFiles(checkout: string, pattern: string, takeLong: boolean): Promise<string[]> {
  const found = await Array.fromAsync(glob(pattern, { cwd: checkout, exclude: ["**/node_modules/**"] }));
  return found.filter((file) => takeLong || !file.endsWith(".long.test.ts")).sort();
}

function nodeTests(name: string, files: readonly string[], atOnce: number): Part {
  return {
    name: `${name} (${files.length} files)`,
    async run(context) {
      const folder = await mkdtemp(join(tmpdir(), "roost-test-"));
      try {
        return await runFiles(context, files, atOnce, join(folder, "counts.json"));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

async function runFiles(
  { settings, environment, write, signal }: PartContext,
  files: readonly string[],
  atOnce: number,
  countsFile: string,
): Promise<Counts> {
  const args = [
    "--test",
    `--test-concurrency=${atOnce}`,
    `--test-timeout=${TEST_LIMIT_MS}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    `--test-reporter=${join(import.meta.dirname, "counting-reporter.ts")}`,
    `--test-reporter-destination=${countsFile}`,
    ...files,
  ];
  const child = spawn(process.execPath, args, {
    cwd: settings.checkout,
    env: environment as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => write(chunk.toString("utf8")));
  const interrupt = () => child.kill("SIGINT");
  signal.addEventListener("abort", interrupt, { once: true });
  const [code] = (await once(child, "close")) as [number | null];
  signal.removeEventListener("abort", interrupt);
  signal.throwIfAborted();
  const counts = await readCounts(countsFile);
  // A runner that fails without a failed test has not run them all.
  return code === 0 || counts.failed > 0 ? counts : { ...counts, failed: counts.failed + 1 };
}

async function readCounts(path: string): Promise<Counts> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text === "" ? { passed: 0, failed: 1, skipped: 0 } : (JSON.parse(text) as Counts);
}
