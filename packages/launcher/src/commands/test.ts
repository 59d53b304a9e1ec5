/** `./roost test`: installs, checks the sources, runs every test, and ends with one plain line of counts. */
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import type { TestScope } from "../command-line.ts";
import { LauncherFailure, sentenceOf } from "../failure.ts";
import { TEST_PACKAGES } from "../install/debian-packages.ts";
import { roostStateStep } from "../lab/roost-state.ts";
import { readableTime } from "../progress/readable-time.ts";
import type { Environment, Settings } from "../settings.ts";
import { labStoriesPart } from "../test-run/lab-stories.ts";
import { NATIVE_TESTS } from "../test-run/native-tests.ts";
import { nodeTestParts } from "../test-run/node-tests.ts";
import { add, type Counts, countsLine, NOTHING, type Part, type PartContext } from "../test-run/part.ts";
import { SOURCE_CHECKS } from "../test-run/source-checks.ts";
import { startTestDatabase } from "../test-run/test-database.ts";
import { installLabShown, installShown } from "./install.ts";
import type { Machine } from "./machine.ts";

export interface TestOptions {
  readonly scope: TestScope;
  /** Only these, and no other check. */
  readonly files: readonly string[];
}

export async function test(given: Settings, machine: Machine, { scope, files }: TestOptions): Promise<void> {
  // Tests have databases of their own, whatever the user's Roost runs on.
  const settings = { ...given, databaseUrl: undefined };
  if (scope === "lab") await installLabShown(settings, machine, [roostStateStep(settings)]);
  else await installShown(settings, machine, TEST_PACKAGES);
  const everything = files.length === 0 && scope !== "lab";
  const checks = everything ? [...SOURCE_CHECKS, ...NATIVE_TESTS] : [];
  const stories = scope === "lab" && files.length === 0 ? [await labStoriesPart(settings.checkout)] : [];
  const parts = [...checks, ...stories, ...(await nodeTestParts(settings.checkout, scope, files))];
  await using database = await startTestDatabase(settings, machine.interrupted);
  const context: PartContext = {
    settings,
    environment: { ...testEnvironment(settings), ROOST_TEST_DATABASE_URL: database.url },
    write: (text) => machine.stdout.write(text),
    signal: machine.interrupted,
  };
  let counts = NOTHING;
  for (const part of parts) counts = add(counts, await runPart(part, context));
  machine.stdout.write(`${countsLine(counts)}\n`);
  if (counts.failed > 0) throw new LauncherFailure("not everything passed");
}

async function runPart(part: Part, context: PartContext): Promise<Counts> {
  const startedAt = performance.now();
  context.write(`▸ ${part.name}\n`);
  const counts = await part.run(context).catch((error: unknown): Counts => {
    context.signal.throwIfAborted();
    context.write(`${sentenceOf(error)}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  });
  context.write(`  ${part.name}: ${countsLine(counts)} (${readableTime(performance.now() - startedAt)})\n`);
  return counts;
}

/** Tests say themselves which Roost they mean; only the cache is shared. */
function testEnvironment({ environment, cache }: Settings): Environment {
  const kept = Object.entries(environment).filter(([name]) => !name.startsWith("ROOST_") && name !== "DATABASE_URL");
  // Tests that start `node` mean this one.
  const path = `${dirname(process.execPath)}:${environment.PATH ?? ""}`;
  return { ...Object.fromEntries(kept), PATH: path, ROOST_CACHE: cache };
}
