/** The `roost` command: the real process around `runCli`. `./roost` calls it for all but the running of Roost itself. */
import { resolve } from "node:path";
import { runCli } from "./cli.ts";
import { Interruption } from "./surroundings.ts";

const interrupted = new AbortController();
// Once: who asks a second time wants it at once, and gets what the system does by itself.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interrupted.abort(new Interruption(signal)));
}
// Each write learns of its own failure; without a listener, the stream would end the process first.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

const exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  checkout: resolve(import.meta.dirname, "../../.."),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  now: () => new Date(),
  interrupted: interrupted.signal,
});
// Everything written has been taken; what is still open (an idle connection, an unread stdin) is nobody's loss.
process.exit(exitCode);
