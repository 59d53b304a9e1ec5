/**
 * A PostgreSQL for tests that make databases of their own (ROOST_TEST_DATABASE_URL): the private one, in a home that is deleted after
 * the run. Tests of whole Roosts bring their own.
 */
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { databaseUrlOf } from "../postgres/layout.ts";
import { layoutOf, startPostgres, untilReady } from "../postgres/server.ts";
import { readSettings, type Settings } from "../settings.ts";

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

export async function startTestDatabase(settings: Settings, signal: AbortSignal): Promise<TestDatabase> {
  await using stack = new AsyncDisposableStack();
  const home = join(settings.checkout, ".roost", "tests", `database-${process.pid}`);
  const own = readSettings({ ...settings.environment, ROOST_HOME: home, DATABASE_URL: undefined });
  await mkdir(home, { recursive: true, mode: 0o700 });
  stack.defer(() => rm(home, { recursive: true, force: true }));
  stack.defer(() => rm(own.run, { recursive: true, force: true }));
  const layout = await layoutOf(own);
  const server = await startPostgres(own, layout, () => {}, signal);
  const ended = once(server, "exit");
  stack.defer(async () => {
    server.kill("SIGINT");
    await ended;
  });
  server.stdout?.resume();
  server.stderr?.resume();
  const died = ended.then(() => Promise.reject(new LauncherFailure("the tests' PostgreSQL did not start")));
  died.catch(() => {});
  await Promise.race([untilReady(layout, signal), died]);
  const kept = stack.move();
  return { url: databaseUrlOf(layout), [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
