/**
 * The host agent. `main.ts` serves until SIGTERM and leaves sandboxes running; `main.ts teardown` pauses them and takes away all that this
 * host has in the kernel;
 * `main.ts config` lists its settings as one line of JSON.
 */

import { mkdir } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import { hostMark } from "@roost/protocol/ids";
import { type Logger, pino } from "pino";
import { freeDiskMb, totalMemoryMb } from "./admission/machine.ts";
import { type Config, loadConfig, settingsInForce, withEnvFile } from "./config.ts";
import { type MachineFacts, openControlLink } from "./control-link/control-link.ts";
import { chooseRootDisk } from "./disk/choose.ts";
import { chooseHostVmm, type Host, openHost, putToRest } from "./host/host.ts";
import { IdentityFolder } from "./identity/identity-folder.ts";
import { serveMetrics } from "./metrics/metrics-server.ts";
import { PhaseMetrics } from "./metrics/phase-metrics.ts";
import { startRpcServer } from "./rpc/server.ts";
import type { Vmm } from "./vmm/vmm.ts";

async function serve(config: Config, logger: Logger, stop: AbortSignal): Promise<void> {
  const identityFolder = join(config.data, "host");
  const joined = await joinedMark(identityFolder);
  const vmm = await chooseHostVmm(config, joined, logger, stop);
  await using stack = new AsyncDisposableStack();
  let host: Host | undefined;
  const link = stack.use(
    await openControlLink({
      url: config.controlPlaneUrl,
      identityFolder,
      joinToken: config.hostToken,
      heartbeatMs: config.heartbeatSec * 1000,
      facts: await machineFacts(config, vmm),
      listSandboxes: () => host?.sandboxes.list() ?? [],
      load: () => host?.load() ?? { sandboxes: 0, vcpus: 0, memoryMb: 0, diskFreeMb: 0 },
      onHostDeleted: () => void host?.sandboxes.destroyAll(),
      logger,
      signal: stop,
    }),
  );
  const mark = hostMark(link.identity.current.hostId);
  const metrics = new PhaseMetrics();
  stack.use(await serveMetrics(metrics.registry, config.metricsListen));
  host = stack.use(await openHost(config, mark, vmm, logger, () => link.notifyChange(), metrics.observe));
  const { identity } = link;
  const server = stack.use(
    await startRpcServer({ listen: config.listen, identity, sandboxes: host.sandboxes, logger }),
  );
  link.start();
  logger.info({ mark, listen: server.address, vmm: vmm.description, sandboxes: host.sandboxes.list().length }, "ready");
  await aborted(stop);
  logger.info("stopping; sandboxes run on");
}

async function teardown(config: Config, logger: Logger): Promise<void> {
  const mark = await joinedMark(join(config.data, "host"));
  const rest = mark === undefined ? { paused: 0, ended: 0 } : await putToRest(config, mark, logger);
  logger.info(rest, "nothing of this host runs on the machine any more");
}

/** The mark of this host; `undefined` when it has not joined yet. */
async function joinedMark(identityFolder: string): Promise<string | undefined> {
  const folder = await IdentityFolder.open(identityFolder);
  return folder.joined ? hostMark(folder.current.hostId) : undefined;
}

async function machineFacts(config: Config, vmm: Vmm): Promise<MachineFacts> {
  await mkdir(config.data, { recursive: true });
  return {
    address: formatAddress(config.address),
    arch: "x86_64",
    cpuCores: cpus().length,
    memoryMb: await totalMemoryMb(),
    diskGb: Math.floor(freeDiskMb(config.data) / 1024),
    vmm: vmm.description,
    diskDriver: chooseRootDisk(config.disk, config.assets).name,
  };
}

/** An IPv6 address stands in brackets. */
function formatAddress({ host, port }: Config["address"]): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** What is wrong in one sentence for a person; what else is known of it for the log. */
function complain(error: unknown): void {
  const known = error instanceof RoostError ? error.message : `The host agent has failed: ${String(error)}`;
  process.stderr.write(`${known}\n`);
  if (!(error instanceof RoostError)) process.stderr.write(`${error instanceof Error ? error.stack : ""}\n`);
}

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => stop.abort(new RoostError("internal", `Stopped by ${signal}.`)));
}
try {
  const env = withEnvFile(process.env, process.cwd());
  const config = loadConfig(env);
  const logger = pino({ level: config.logLevel });
  const [command] = process.argv.slice(2);
  if (command === "config") process.stdout.write(`${JSON.stringify(settingsInForce(env))}\n`);
  else if (command === "teardown") await teardown(config, logger);
  else if (command === undefined) await serve(config, logger, stop.signal);
  else throw new RoostError("invalid_request", `Unknown command "${command}": give none, teardown, or config.`);
} catch (error) {
  complain(error);
  process.exitCode = stop.signal.aborted ? 0 : 1;
}
