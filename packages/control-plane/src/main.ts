/** `node main.ts`: the control plane's process. */
import { ConfigError, loadConfig, readEnvFile } from "./config.ts";
import { startControlPlane } from "./control-plane.ts";
import { openLog } from "./log.ts";

async function main(): Promise<void> {
  readEnvFile();
  const config = loadConfig(process.env);
  const log = openLog(config.logLevel);
  const stopped = Promise.withResolvers<NodeJS.Signals>();
  process.once("SIGTERM", stopped.resolve);
  process.once("SIGINT", stopped.resolve);
  await using controlPlane = await startControlPlane(config, log);
  log.info({ url: controlPlane.url, metrics: controlPlane.metricsUrl }, "ready");
  log.info({ signal: await stopped.promise }, "stopping");
}

try {
  await main();
  // A stopped server is gone, whatever timer of a library still waits.
  process.exit();
} catch (error) {
  const reason = error instanceof Error ? error.message || String(error) : String(error);
  process.stderr.write(`roost control plane: ${error instanceof ConfigError ? reason : `cannot start: ${reason}`}\n`);
  process.exitCode = 1;
}
