/** The database for a command that needs it for a moment: the user's own, the running Roost's, or the private one, started for it. */
import { once } from "node:events";
import { LauncherFailure } from "../failure.ts";
import type { Settings } from "../settings.ts";
import { runningLauncher } from "../supervise/launcher-record.ts";
import { databaseUrlOf } from "./layout.ts";
import { layoutOf, startPostgres, untilReady } from "./server.ts";

export interface DatabaseAtHand extends AsyncDisposable {
  readonly url: string;
}

export async function databaseAtHand(settings: Settings, signal: AbortSignal): Promise<DatabaseAtHand> {
  if (settings.databaseUrl !== undefined) return { url: settings.databaseUrl, [Symbol.asyncDispose]: async () => {} };
  const layout = await layoutOf(settings);
  const url = databaseUrlOf(layout);
  if ((await runningLauncher(settings)) !== undefined) return { url, [Symbol.asyncDispose]: async () => {} };
  const server = await startPostgres(settings, layout, () => {}, signal);
  const ended = once(server, "exit");
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    server.kill("SIGINT");
    await ended;
  });
  server.stdout?.resume();
  server.stderr?.resume();
  const died = ended.then(() => Promise.reject(new LauncherFailure("PostgreSQL did not start")));
  died.catch(() => {});
  await Promise.race([untilReady(layout, signal), died]);
  const kept = stack.move();
  return { url, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
